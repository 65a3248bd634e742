#include "gateway/lane.h"

#include <boost/asio/as_tuple.hpp>
#include <string>
#include <utility>
#include <vector>

#include "common/identity.h"
#include "common/log.h"
#include "gateway/cut_timer.h"
#include "gateway/reconnect_spread.h"
#include "gateway/spawn.h"

namespace interlock {

namespace asio = boost::asio;

namespace {

constexpr auto use_result = asio::as_tuple(use_task);
constexpr std::uint64_t full_after_ms = 2'000;

std::string random_bytes() {
  const std::string digits = make_identity();
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

UpgradeMoment moment_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  UpgradeMoment moment;
  moment.now_unix_seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  moment.fresh_session = make_identity();
  moment.claim_id = random_bytes();
  return moment;
}

HttpAnswer malformed(std::uint16_t status, std::string message) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = std::move(message);
  return answer;
}

}  // namespace

Lane::Lane(std::shared_ptr<LaneShared> shared, Acceptor acceptor, CoordinatorClient& coordinator,
           BackendClient* backend, GatewayMetrics& metrics)
    : shared_(std::move(shared)),
      acceptor_(std::move(acceptor)),
      metrics_(metrics),
      turn_away_(
          acceptor_.get_executor(), metrics,
          shared_->limits.browser_closes_per_second_max / static_cast<double>(shared_->lanes),
          shared_->limits.session.close_timeout_ms),
      api_(acceptor_.get_executor(), shared_->limits.api, shared_->api, metrics,
           shared_->api_requests),
      admission_(shared_->limits.upgrades_per_second_max / static_cast<double>(shared_->lanes)),
      around_{acceptor_.get_executor(),
              shared_->limits.session,
              shared_->limits.shell,
              coordinator,
              backend,
              metrics,
              turn_away_,
              std::mt19937_64(std::random_device()()),
              [this](std::uint64_t connection) { release(connection); },
              *shared_->tracer} {}

void Lane::start() { spawn_vital(executor(), accept()); }

Task<void> Lane::accept() {
  while (acceptor_.is_open()) {
    auto [error, socket] = co_await acceptor_.async_accept(use_result);
    if (!error) {
      take_in(std::move(socket));
      continue;
    }
    if (error == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
    // Out of file descriptors, most likely: going on at once would only spin.
    log_warning("A connection could not be accepted.", {{"error", error.message()}});
    LoopTimer pause(executor(), std::chrono::milliseconds(100));
    co_await pause.async_wait(use_result);
  }
}

void Lane::take_in(TcpSocket socket) {
  const ListenerLimits& limits = shared_->limits;
  if (shared_->sockets->now() >= limits.sessions_max + limits.greetings_max) {
    metrics_.refused(0, "sockets_full");
    return;  // closed at once: even an answer would need what there is none of
  }
  const TlsIdentity* tls = shared_->tls;
  auto client = make_client_socket(std::move(socket), limits.socket,
                                   std::make_shared<SocketTicket>(shared_->sockets, metrics_),
                                   tls == nullptr ? nullptr : tls->current());
  spawn(executor(), greet(std::move(client), Clock::now()));
}

Task<void> Lane::greet(std::shared_ptr<ClientSocket> socket, Clock::time_point accepted_at) {
  HeadOutcome outcome = HeadOutcome::kGone;
  greeted_.insert(socket);
  {
    const CutTimer deadline(executor(), socket, shared_->limits.head_timeout_ms);
    outcome = co_await socket->read_head();
  }
  greeted_.erase(socket);
  switch (outcome) {
    case HeadOutcome::kRequest:
      answer(std::move(socket), accepted_at);
      break;
    case HeadOutcome::kTooLarge:
      metrics_.refused(431, "head_too_large");
      socket->answer(malformed(431, "The head of the request is too large.\n"));
      break;
    case HeadOutcome::kMalformed:
      metrics_.refused(400, "not_http");
      socket->answer(malformed(400, "This is not an HTTP/1.1 request.\n"));
      break;
    case HeadOutcome::kNoTls:
      metrics_.refused(0, "tls_handshake");
      socket->cut();
      break;
    case HeadOutcome::kGone:
      socket->cut();
      break;
  }
}

void Lane::answer(std::shared_ptr<ClientSocket> socket, Clock::time_point accepted_at) {
  const HttpRequest& request = socket->request();
  if (is_api_target(request.target)) return api_.serve(std::move(socket));
  const bool head = request.method == "HEAD";
  if (head || request.method == "GET") {
    if (const StaticFile* file = shared_->files.find(path_of(request.target))) {
      HttpAnswer page;
      page.content_type = file->content_type;
      page.body = file->body;
      page.with_body = !head;
      socket->answer(page);
      return;
    }
  }
  UpgradeDecision decision = decide_upgrade(request, shared_->policy, moment_now());
  if (const auto* refused = std::get_if<UpgradeRefused>(&decision)) {
    turn_away_.refuse(std::move(socket), refused->answer, refused->form, refused->reason);
    return;
  }
  open_session(std::move(socket), std::move(std::get<UpgradeAccepted>(decision)), accepted_at);
}

void Lane::open_session(std::shared_ptr<ClientSocket> socket, UpgradeAccepted accepted,
                        Clock::time_point accepted_at) {
  const auto refuse = [&](std::uint16_t http, CloseCode code, std::uint64_t after_ms,
                          std::string_view reason, std::string message) {
    RefuseUpgrade refusal;
    refusal.http = http;
    refusal.code = code;
    refusal.after_ms = after_ms;
    refusal.message = std::move(message);
    turn_away_.refuse(std::move(socket), refusal, accepted.form, reason);
  };
  if (away_per_s_ > 0) {
    return refuse(503, CloseCode::kDraining, jittered(shared_->limits.drain_after_ms_max),
                  "draining", "An operator has taken this gateway out of service.");
  }
  if (draining_) {
    return refuse(503, CloseCode::kDraining, jittered(shared_->limits.drain_after_ms_max),
                  "draining", "This gateway is stopping.");
  }
  if (!admission_.take(Clock::now())) {
    return refuse(429, CloseCode::kNotNow, 500 + jittered(full_after_ms), "admission",
                  "Too many new connections a second.");
  }
  if (shared_->sessions.fetch_add(1) >= shared_->limits.sessions_max) {
    shared_->sessions.fetch_sub(1);
    return refuse(429, CloseCode::kNotNow, full_after_ms + jittered(full_after_ms), "sessions_full",
                  "This gateway has as many sessions as it takes.");
  }
  const std::uint64_t connection = shared_->next_connection.fetch_add(1);
  auto shell = std::make_shared<SessionShell>(around_, connection, std::move(accepted),
                                              std::move(socket), accepted_at);
  sessions_.emplace(connection, shell);
  shell->start();
}

void Lane::release(std::uint64_t connection) {
  if (sessions_.erase(connection) > 0) shared_->sessions.fetch_sub(1);
}

void Lane::drain() {
  draining_ = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  std::vector<std::shared_ptr<SessionShell>> shells;
  for (const auto& [connection, shell] : sessions_) shells.push_back(shell);
  const std::uint64_t spread_ms = reconnect_spread_ms(
      shared_->sessions, shared_->limits.drain_per_second, shared_->limits.drain_after_ms_max);
  for (const auto& shell : shells) shell->drain(1 + jittered(spread_ms));
  spawn(executor(), dismiss_silent());
}

void Lane::send_away(double per_s) {
  const bool begun = away_per_s_ > 0;
  away_per_s_ = per_s;
  if (!begun) spawn(executor(), send_away_slowly());
}

// None is added any more, so those that there are now are all.
Task<void> Lane::send_away_slowly() {
  constexpr std::chrono::milliseconds kStep(50);
  constexpr std::uint64_t kAfterMsMax = 500;  // they are spread already
  std::vector<std::weak_ptr<SessionShell>> left;
  for (const auto& [connection, shell] : sessions_) left.push_back(shell);
  LoopTimer moment(executor(), kStep);
  double due = 1;
  while (!left.empty() && !draining_) {
    for (; due >= 1 && !left.empty(); left.pop_back()) {
      const auto shell = left.back().lock();
      if (shell == nullptr) continue;
      shell->drain(jittered(kAfterMsMax));
      due -= 1;
    }
    moment.expires_after(kStep);
    co_await moment.async_wait(use_result);
    due += away_per_s_ * std::chrono::duration<double>(kStep).count();
  }
}

// New ones were asked for on this loop, after the list had changed or before this.
void Lane::end_revoked() {
  std::vector<std::shared_ptr<SessionShell>> shells;
  for (const auto& [connection, shell] : sessions_) {
    if (shared_->policy.is_revoked(shell->subject())) shells.push_back(shell);
  }
  for (const auto& shell : shells) shell->revoke();
}

Task<void> Lane::dismiss_silent() {
  LoopTimer moment(executor(), std::chrono::milliseconds(250));
  co_await moment.async_wait(use_result);
  const std::vector<std::shared_ptr<ClientSocket>> silent(greeted_.begin(), greeted_.end());
  for (const auto& socket : silent) socket->cut();
  api_.cut_unread();
}

void Lane::cut() {
  std::vector<std::shared_ptr<SessionShell>> shells;
  for (const auto& [connection, shell] : sessions_) shells.push_back(shell);
  for (const auto& shell : shells) shell->cut();
  for (const auto& socket : greeted_) socket->cut();
  api_.cut();
}

std::uint64_t Lane::jittered(std::uint64_t max_ms) {
  return std::uniform_int_distribution<std::uint64_t>(0, max_ms)(around_.random);
}

}  // namespace interlock
