#include "gateway/metadata_identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "common/log.h"
#include "common/token.h"

namespace interlock {
namespace {

constexpr const char* path =
    "/computeMetadata/v1/instance/service-accounts/default/identity?format=full&audience=";
constexpr const char* refreshes = "interlock_identity_refreshes_total";
constexpr const char* refreshes_help =
    "Times that the metadata server was asked for this gateway's ID token: ok or failed.";
// A process that was frozen finds out soon that its token has grown old meanwhile.
constexpr std::int64_t look_again_ms = 5'000;

std::int64_t unix_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// RFC 3986, section 2.3: what needs no escape.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' ||
                       c == '_' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

MetadataIdentity::MetadataIdentity(MetadataIdentitySettings settings, Metrics& metrics)
    : settings_(std::move(settings)),
      call_(settings_.url + path + escaped(settings_.audience), {"Metadata-Flavor: Google"},
            2 * token_bytes_max),
      random_(std::random_device{}()),
      fetched_(metrics.counter(refreshes, refreshes_help, {{"result", "ok"}})),
      failed_(metrics.counter(refreshes, refreshes_help, {{"result", "failed"}})),
      left_seconds_(metrics.gauge("interlock_identity_left_seconds",
                                  "Until this gateway's ID token ends; 0: there is none.")),
      refresh_(settings_.refresh),
      thread_([this] { run(); }) {}

MetadataIdentity::~MetadataIdentity() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  call_.end_by(HttpCall::Clock::now());
  news_.notify_one();
  thread_.join();
}

absl::StatusOr<std::string> MetadataIdentity::token() const {
  const std::lock_guard lock(mutex_);
  if (refresh_.usable(unix_ms())) return token_;
  return absl::UnavailableError("This gateway has no ID token to show: " + why_none_ + ".");
}

void MetadataIdentity::refused() {
  const std::lock_guard lock(mutex_);
  if (token_.empty() || !refresh_.refused(unix_ms())) return;
  asked_ = true;
  news_.notify_one();
}

bool MetadataIdentity::proven() const {
  const std::lock_guard lock(mutex_);
  return !token_.empty();
}

void MetadataIdentity::show() const {
  const std::lock_guard lock(mutex_);
  const std::int64_t left_ms = refresh_.expires_at_ms() - unix_ms();
  left_seconds_.Set(static_cast<double>(std::max<std::int64_t>(left_ms, 0)) / 1000);
}

void MetadataIdentity::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      for (std::int64_t now_ms = unix_ms(); !stopping_ && now_ms < refresh_.due_ms();
           now_ms = unix_ms()) {
        const auto wait_ms = std::min(refresh_.due_ms() - now_ms, look_again_ms);
        news_.wait_for(lock, std::chrono::milliseconds(wait_ms),
                       [this] { return stopping_ || std::exchange(asked_, false); });
      }
      if (stopping_) return;
    }
    std::int64_t expires_at_ms = 0;
    absl::StatusOr<std::string> fetched = fetch(expires_at_ms);
    take(std::move(fetched), expires_at_ms);
  }
}

// What is no use is found here, where it can be said why; that it is genuine, only the coordinator
// finds.
absl::StatusOr<std::string> MetadataIdentity::fetch(std::int64_t& expires_at_ms) {
  const auto wrong = [](const std::string& what) { return absl::UnavailableError(what); };
  HttpOutcome outcome = call_.get(settings_.timeout);
  if (outcome.status == 0) return wrong("the metadata server cannot be asked: " + outcome.error);
  if (outcome.status != 200) {
    return wrong(fmt::format("the metadata server answered with status {}", outcome.status));
  }
  absl::StripAsciiWhitespace(&outcome.body);
  const auto claims = unverified_claims(outcome.body);
  if (!claims) return wrong("the metadata server answered with something else than an ID token");
  expires_at_ms = claims->expires_at * 1000;
  if (std::ranges::find(claims->audiences, settings_.audience) == claims->audiences.end()) {
    return wrong("the metadata server's ID token is for another audience");
  }
  const std::lock_guard lock(mutex_);
  if (refresh_.is_over(expires_at_ms, unix_ms())) {
    return wrong("the metadata server's ID token has expired already");
  }
  return std::move(outcome.body);
}

void MetadataIdentity::take(absl::StatusOr<std::string> fetched, std::int64_t expires_at_ms) {
  const double random = std::uniform_real_distribution<double>(0, 1)(random_);
  const bool failed = !fetched.ok();
  const std::string why = std::string(fetched.status().message());
  (failed ? failed_ : fetched_).Increment();
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (failed) {
      refresh_.failed(unix_ms(), random);
      why_none_ = why;
    } else {
      refresh_.fetched(expires_at_ms, unix_ms(), random);
      token_ = *std::move(fetched);
      why_none_ = "it has expired, and the metadata server gives no other one";
    }
  }
  if (std::exchange(failing_, failed) == failed) return;
  if (!failed) return log_notice("The metadata server gives ID tokens again.");
  log_warning("There is no fresh ID token; the old one is used as long as it lasts.",
              {{"reason", why}});
}

}  // namespace interlock
