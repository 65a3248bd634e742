#include "common/jwks.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "absl/status/status.h"
#include "common/log.h"
#include "common/small_file.h"
#include "common/web_url.h"

namespace interlock {
namespace {

constexpr const char* refreshes = "interlock_jwks_refreshes_total";
constexpr const char* refreshes_help =
    "Times that the issuer's keys were asked for, and what came: changed, unchanged or failed.";

// A server that has gone in the middle of a TLS connection would end the process otherwise.
void block_broken_pipe() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

absl::StatusOr<std::shared_ptr<Jwks>> Jwks::open(const std::string& location, Metrics& metrics,
                                                 const JwksLimits& limits) {
  if (is_web_url(location)) {
    if (absl::Status checked = check_web_url(location); !checked.ok()) return checked;
  }
  std::shared_ptr<Jwks> made(new Jwks(location, metrics, limits));
  if (made->call_ == nullptr) {
    if (absl::Status read = made->refresh(); !read.ok()) return read;
  }
  made->thread_ = std::thread([jwks = made.get()] { jwks->run(); });
  return made;
}

Jwks::Jwks(std::string location, Metrics& metrics, const JwksLimits& limits)
    : location_(std::move(location)),
      limits_(limits),
      backoff_(limits.retry_initial.count(), limits.retry_max.count()),
      random_(std::random_device{}()),
      changed_(metrics.counter(refreshes, refreshes_help, {{"result", "changed"}})),
      unchanged_(metrics.counter(refreshes, refreshes_help, {{"result", "unchanged"}})),
      failed_(metrics.counter(refreshes, refreshes_help, {{"result", "failed"}})),
      age_seconds_(metrics.gauge("interlock_jwks_age_seconds",
                                 "Since the issuer's keys were last confirmed; -1: never yet.")) {
  if (!is_web_url(location_)) return;
  const std::vector<std::string> headers = {"Accept: application/json"};
  call_ = std::make_unique<HttpCall>(location_, headers, key_set_bytes_max);
}

Jwks::~Jwks() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  if (call_ != nullptr) call_->end_by(HttpCall::Clock::now());
  news_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const KeySet> Jwks::keys() const {
  const std::lock_guard lock(mutex_);
  if (keys_ == nullptr || Clock::now() - confirmed_at_ > limits_.stale_max) return nullptr;
  return keys_;
}

bool Jwks::ask_for_unknown_key() {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  const bool too_soon = asked_ != Asked::nothing && now - asked_at_ < limits_.unknown_key_gap;
  if (asked_ == Asked::waiting) return true;
  if (too_soon) return asked_ == Asked::failed;
  asked_ = Asked::waiting;
  asked_at_ = now;
  news_.notify_one();
  return true;
}

void Jwks::show() const {
  const std::lock_guard lock(mutex_);
  if (keys_ == nullptr) return age_seconds_.Set(-1);
  age_seconds_.Set(std::chrono::duration<double>(Clock::now() - confirmed_at_).count());
}

void Jwks::run() {
  block_broken_pipe();
  auto due = call_ == nullptr ? Clock::now() + limits_.file_poll : Clock::now();
  for (;;) {
    bool asked = false;
    {
      std::unique_lock lock(mutex_);
      news_.wait_until(lock, due, [this] { return stopping_ || asked_ == Asked::waiting; });
      if (stopping_) return;
      asked = asked_ == Asked::waiting;
    }
    const absl::Status status = refresh();
    if (asked) {  // who asks while it is under way is answered by the next one
      const std::lock_guard lock(mutex_);
      asked_ = status.ok() ? Asked::answered : Asked::failed;
    }
    due = Clock::now() + pause_behind(status);
  }
}

Jwks::Clock::duration Jwks::pause_behind(const absl::Status& status) {
  const double random = std::uniform_real_distribution<double>(0, 1)(random_);
  if (call_ == nullptr) return limits_.file_poll;
  if (!status.ok()) return JwksLimits::Time(backoff_.next(random));
  backoff_.reset();
  const auto early = static_cast<double>(limits_.refresh.count()) * random / 10;
  return limits_.refresh - JwksLimits::Time(static_cast<std::int64_t>(early));
}

absl::Status Jwks::refresh() {
  absl::Status status;
  const auto stamp = call_ == nullptr ? stamp_of_file(location_) : std::nullopt;
  if (stamp && stamp == stamp_) {
    const std::lock_guard lock(mutex_);
    confirmed_at_ = Clock::now();
  } else {
    status = take(fetch());
    if (status.ok()) stamp_ = stamp;
  }
  report(status);
  return status;
}

absl::StatusOr<std::string> Jwks::fetch() {
  if (call_ == nullptr) return read_small_file(location_, key_set_bytes_max);
  HttpOutcome outcome = call_->get(limits_.timeout);
  if (outcome.status == 200) return std::move(outcome.body);
  return absl::UnavailableError(outcome.status == 0
                                    ? outcome.error
                                    : fmt::format("the answer has status {}", outcome.status));
}

absl::Status Jwks::take(const absl::StatusOr<std::string>& text) {
  if (!text.ok()) return text.status();
  const bool same = !text_.empty() && *text == text_;
  std::shared_ptr<const KeySet> fresh;
  if (!same) {
    absl::StatusOr<KeySet> read = KeySet::from_jwks(*text);
    if (!read.ok()) return read.status();
    fresh = std::make_shared<const KeySet>(*std::move(read));
    text_ = *text;
    log_notice("The issuer's keys were read.", {{"from", location_}, {"keys", fresh->size()}});
  }
  (same ? unchanged_ : changed_).Increment();
  const std::lock_guard lock(mutex_);
  if (fresh) keys_ = std::move(fresh);
  confirmed_at_ = Clock::now();
  return absl::OkStatus();
}

// Once when it begins and once when it is over; in between the counter goes on.
void Jwks::report(const absl::Status& status) {
  if (!status.ok()) failed_.Increment();
  if (std::exchange(failing_, !status.ok()) == !status.ok()) return;
  if (status.ok()) return log_notice("The issuer's keys can be had again.", {{"from", location_}});
  log_warning("The issuer's keys cannot be had; those that are known are used for a while.",
              {{"from", location_},
               {"stale_max_s", limits_.stale_max.count() / 1000},
               {"reason", std::string(status.message())}});
}

}  // namespace interlock
