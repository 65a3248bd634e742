#include "gateway/session_shell.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <cassert>
#include <exception>
#include <utility>

#include "common/log.h"
#include "common/log_trace.h"
#include "common/token.h"
#include "gateway/boot_clock.h"
#include "gateway/frames.h"

namespace interlock {

namespace asio = boost::asio;

namespace {

constexpr std::uint64_t watch_after_ms = 20;  // most claims are answered before

}  // namespace

SessionShell::SessionShell(ShellSurroundings& around, std::uint64_t connection,
                           UpgradeAccepted accepted, std::shared_ptr<ClientSocket> socket,
                           Clock::time_point accepted_at)
    : around_(around),
      connection_(connection),
      session_(std::move(accepted.session), around.limits),
      trace_(around.tracer, around.metrics, session_.key(), accepted.traceparent, accepted_at),
      form_(std::move(accepted.form)),
      token_expires_at_(accepted.token_expires_at),
      socket_(std::move(socket)),
      accepted_at_(accepted_at),
      timer_(around.executor) {}

// ---- the life ----

void SessionShell::start() {
  around_.metrics.sessions.Increment();
  if (!around_.coordinator.reachable()) {
    constexpr std::uint64_t breaker_wait_ms = 2'000;
    std::uniform_int_distribution<std::uint64_t> jitter(0, breaker_wait_ms);
    feed(CoordinatorAway{breaker_wait_ms + jitter(around_.random)});
    return;
  }
  feed(Started{});
  if (!released_ && !upgrading_) set_deadline(kWatch, watch_after_ms);
}

// Until the claim is answered nothing is read; but a client that leaves meanwhile is noticed, when
// the answer takes so long that it is worth looking.
Task<void> SessionShell::watch() {
  const auto self = shared_from_this();
  const auto socket = socket_;
  const bool left = co_await socket->peer_left();
  if (left && !upgrading_) feed(SocketEnded{static_cast<std::uint16_t>(CloseCode::kLost)});
}

Task<void> SessionShell::serve() {
  const auto self = shared_from_this();
  const auto socket = socket_;
  const bool upgraded = co_await socket->upgrade(form_.subprotocol);
  trace_.accepted(upgraded);
  if (!upgraded) {
    feed(SocketEnded{static_cast<std::uint16_t>(CloseCode::kLost)});
    co_return;
  }
  upgraded_at_ = Clock::now();
  around_.metrics.handshake_seconds.Observe(
      std::chrono::duration<double>(upgraded_at_ - accepted_at_).count());
  socket->observe(this);
  limit_age();
  feed(Upgraded{});
  socket->start_reading();
}

void SessionShell::on_incoming(Incoming incoming) {
  const auto self = shared_from_this();
  try {
    take_in(std::move(incoming));
  } catch (...) {
    fail();
  }
}

void SessionShell::take_in(Incoming incoming) {
  if (auto* frame = std::get_if<FrameReceived>(&incoming)) return feed(std::move(*frame));
  received_code_ = static_cast<std::uint16_t>(CloseCode::kLost);
  if (std::holds_alternative<FrameTooBig>(incoming)) feed(FrameTooBig{});
  if (const auto* ended = std::get_if<SocketEnded>(&incoming)) received_code_ = ended->code;
  // What a peer answers to our own close frame says nothing about what it wants.
  const bool asked = socket_ == nullptr || socket_->sent_code() != 0;
  feed(SocketEnded{asked ? static_cast<std::uint16_t>(CloseCode::kLost) : received_code_});
}

void SessionShell::drain(std::uint64_t after_ms) { feed(DrainRequested{after_ms}); }

void SessionShell::revoke() { retire(CloseCode::kUnauthorized); }

void SessionShell::cut() {
  if (socket_ != nullptr) socket_->cut();
  feed(SocketEnded{static_cast<std::uint16_t>(CloseCode::kLost)});
}

void SessionShell::carry_out(Finish&) {
  if (std::exchange(released_, true)) return;
  trace_.give_up("it ended");
  report_end();
  timer_.cancel();
  around_.coordinator.forget(connection_);
  around_.metrics.sessions.Decrement();
  if (socket_ != nullptr) socket_->leave();
  around_.released(connection_);
}

void SessionShell::spawn(Task<void> job) {
  asio::co_spawn(around_.executor, std::move(job),
                 [self = shared_from_this()](std::exception_ptr defect) {
                   if (defect != nullptr) self->fail();
                 });
}

// An exception is a defect: it ends this session, and the others go on.
void SessionShell::fail() {
  const LogTrace scope(trace_.context());
  log_error("A session failed by a defect of this program.", {{"key", session_.key()}});
  if (socket_ != nullptr) socket_->close(static_cast<std::uint16_t>(CloseCode::kDefect), "defect");
  feed(SocketEnded{static_cast<std::uint16_t>(CloseCode::kLost)});
}

// ---- the machine ----

// What actions give rise to waits until all of them are carried out: their order is the protocol.
void SessionShell::feed(SessionInput input) {
  if (released_) return;
  later_.push_back(std::move(input));
  work_off();
}

void SessionShell::work_off() {
  if (released_ || feeding_) return;
  const auto self = shared_from_this();
  feeding_ = true;
  look_at_hold();
  while (!later_.empty() && !released_) {
    SessionInput next = std::move(later_.front());
    later_.erase(later_.begin());
    step(std::move(next));
    look_at_hold();
  }
  feeding_ = false;
}

void SessionShell::look_at_hold() {
  if (released_) return;
  const bool hold = boot_time_ms() >= around_.coordinator.act_until_ms();
  if (std::exchange(on_hold_, hold) == hold) return;
  // The peer may have taken its bytes while nobody looked.
  if (hold && deadlines_.is_set(kStall)) set_deadline(kStall, around_.shell_limits.send_stall_ms);
  step(hold ? SessionInput(HoldBegan{}) : SessionInput(HoldEnded{}));
}

void SessionShell::step(SessionInput input) {
  const double random = std::uniform_real_distribution<double>(0, 1)(around_.random);
  SessionActions actions = session_.step(std::move(input), random);
  for (SessionAction& action : actions) {
    assert(!released_);  // nothing comes behind Finish
    std::visit([this](auto& what) { carry_out(what); }, action);
  }
  if (trace_.connecting() && session_.live()) trace_.ready(session_.generation());
}

// ---- the socket ----

void SessionShell::carry_out(AcceptUpgrade&) {
  trace_.begin(HandshakeStep::kAccept);
  upgrading_ = true;
  deadlines_.cancel(kWatch);
  spawn(serve());
}

void SessionShell::carry_out(RefuseUpgrade& action) {
  upgrading_ = true;
  trace_.give_up(close_code_name(static_cast<std::uint16_t>(action.code)));
  around_.turn_away.refuse(std::exchange(socket_, nullptr), action, form_,
                           close_code_name(static_cast<std::uint16_t>(action.code)));
}

void SessionShell::carry_out(SendFrame& action) {
  // Nothing may follow a frame that found no room, however small: the client would take the gap for
  // the end of what lies before it.
  if (socket_ == nullptr || overfull_) return;
  overfull_ = !socket_->send_text(action.text);
  if (overfull_) feed(ConsumerTooSlow{});
}

void SessionShell::carry_out(SendPing&) {
  if (socket_ != nullptr) socket_->send_ping();
}

void SessionShell::carry_out(CloseSocket& action) {
  trace_.give_up(close_code_name(static_cast<std::uint16_t>(action.code)));
  if (socket_ != nullptr) {
    socket_->close(static_cast<std::uint16_t>(action.code), action.reason);
  }
}

// A peer that reads nothing is cut by this timer, whatever else it sends.
void SessionShell::on_send(bool progress, bool drained) {
  if (drained) {
    deadlines_.cancel(kStall);
  } else if (progress || !deadlines_.is_set(kStall)) {
    set_deadline(kStall, around_.shell_limits.send_stall_ms);
  }
}

// ---- the timers ----

void SessionShell::carry_out(SetTimer& action) {
  set_deadline(static_cast<std::size_t>(action.timer), action.after_ms);
}

void SessionShell::carry_out(CancelTimer& action) {
  deadlines_.cancel(static_cast<std::size_t>(action.timer));
}

void SessionShell::set_deadline(std::size_t slot, std::uint64_t after_ms) {
  deadlines_.set(slot, end_of(Clock::now(), std::chrono::milliseconds(after_ms)));
  arm_timer();
}

// One timer for all deadlines. It is only ever moved forward: a deadline that was cancelled or put
// off lets it fire for nothing, which is cheaper than moving it each time.
void SessionShell::arm_timer() {
  const auto earliest = deadlines_.earliest();
  if (released_ || !earliest || *earliest >= armed_for_) return;
  armed_for_ = *earliest;
  timer_.expires_at(armed_for_);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    if (error) return;
    if (const auto self = weak.lock()) self->on_timer();
  });
}

void SessionShell::on_timer() {
  armed_for_ = Clock::time_point::max();
  work_off();  // a hold that has begun puts off what would be due
  const auto now = Clock::now();
  while (const auto slot = deadlines_.take_due(now)) on_due(*slot);
  arm_timer();
}

void SessionShell::on_due(std::size_t slot) {
  switch (slot) {
    case kStall:
      return feed(ConsumerTooSlow{});
    case kAge:
      return retire(CloseCode::kMaxAge);
    case kToken:
      return retire(CloseCode::kTokenExpired);
    case kCut:
      return cut();
    case kWatch:
      if (!upgrading_) spawn(watch());
      return;
    default:
      return feed(TimerFired{static_cast<SessionTimer>(slot)});
  }
}

// ---- age ----

void SessionShell::limit_age() {
  const ShellLimits& limits = around_.shell_limits;
  if (limits.age_max_ms > 0) {
    std::uniform_int_distribution<std::uint64_t> jitter(
        0, std::min(limits.age_jitter_ms, limits.age_max_ms / 2));
    set_deadline(kAge, limits.age_max_ms - jitter(around_.random));
  }
  if (token_expires_at_) {
    constexpr std::chrono::hours longest_wait(24 * 365);
    const std::chrono::system_clock::time_point now = std::chrono::system_clock::now();
    const auto now_seconds =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
    const std::chrono::seconds left(*token_expires_at_ + clock_skew_seconds - now_seconds.count());
    const auto wait = std::clamp<std::chrono::milliseconds>(left, left.zero(), longest_wait);
    set_deadline(kToken, static_cast<std::uint64_t>(wait.count()));
  }
}

// The session hears of it as the end of its socket, which is what it is: its machine waits for the
// client, who comes back at once.
void SessionShell::retire(CloseCode code) {
  if (socket_ == nullptr) return;
  if (code == CloseCode::kMaxAge) socket_->send_text(reconnect_frame("max_age", 0));
  socket_->close(static_cast<std::uint16_t>(code), close_reason(code));
  set_deadline(kCut, around_.limits.close_timeout_ms);
}

// ---- the record of it ----

void SessionShell::report_end() {
  if (upgraded_at_ == Clock::time_point{}) return;  // a refusal is counted where it is said
  const std::uint16_t sent = socket_ == nullptr ? 0 : socket_->sent_code();
  std::uint16_t code = static_cast<std::uint16_t>(CloseCode::kLost);
  CloseOrigin origin = CloseOrigin::kNetwork;
  if (sent != 0) {
    code = sent;
    origin = CloseOrigin::kGateway;
  } else if (received_code_ != 0 && received_code_ != code) {
    code = received_code_;
    origin = CloseOrigin::kClient;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - upgraded_at_).count();
  around_.metrics.closed(code, origin);
  around_.metrics.session_seconds.Observe(seconds);
  const LogTrace scope(trace_.context());
  log_info("Session ended.", {{"code", code},
                              {"name", close_code_name(code)},
                              {"origin", to_string(origin)},
                              {"key", session_.key()},
                              {"generation", session_.generation()},
                              {"seconds", seconds}});
}

}  // namespace interlock
