// Dispatch, timers, and every way to end. The way up stands in session_setup.cc, what flows in
// session_traffic.cc.
#include "gateway/session.h"

#include <utility>

namespace interlock {
namespace {

// A released connection is closed with the code that an operator gave, as long as it is one that
// may be sent.
CloseCode code_of(const v1::Released& released) {
  const std::uint32_t code = released.close_code();
  if (code == 1000 || (code >= 4000 && code <= 4999)) return static_cast<CloseCode>(code);
  return CloseCode::kGatewayFenced;
}

}  // namespace

Session::Session(SessionRequest request, const SessionLimits& limits)
    : request_(std::move(request)),
      limits_(limits),
      open_retry_(static_cast<std::int64_t>(limits.open_retry_initial_ms),
                  static_cast<std::int64_t>(limits.open_retry_max_ms)) {}

SessionActions Session::step(SessionInput input, double random) {
  random_ = random;
  std::visit([this](auto& each) { on(each); }, input);
  if (std::exchange(overfilled_, false)) close_overfilled();
  return std::exchange(actions_, {});
}

void Session::on(const TimerFired& fired) {
  switch (fired.timer) {
    case SessionTimer::kClaim:
      if (phase_ != Phase::kClaiming) return;
      return give_up_claim(
          {.after_ms = 1000, .message = "The coordinator did not answer in time."});
    case SessionTimer::kSetup:
      if (!holds() || live() || on_hold_) return;
      give_up_setup();
      return close(CloseCode::kNotNow, {.sentence = "The setup took too long."});
    case SessionTimer::kPing:
      if (phase_ != Phase::kSetup && phase_ != Phase::kOpen) return;
      act(SendPing{});
      act(SetTimer{SessionTimer::kPing, limits_.ping_interval_ms});
      if (std::exchange(awaiting_pong_, true) || on_hold_) return;
      return act(SetTimer{SessionTimer::kPong, limits_.pong_timeout_ms});
    case SessionTimer::kPong:
      if (!holds() || !awaiting_pong_ || on_hold_) return;
      detach(v1::SOCKET_LOST);
      return close(CloseCode::kHeartbeatMissed);
    case SessionTimer::kOpenRetry:
      if (holds() && backend_ == Backend::kAway && !opening_) open_backend();
      return;
    case SessionTimer::kTransient:
      if (phase_ != Phase::kOpen) return;
      transients_timed_ = false;
      count_dropped(transients_.give_up_oldest());
      return send_transients();
    case SessionTimer::kClose:
      if (phase_ == Phase::kClosing) finish();
      return;
  }
}

// ---- who lost its connection says nothing about it any more: it is another's, or nobody's ----

void Session::on(const SupersededNotice& notice) {
  if (holds()) fenced(notice.by_generation);
}

// 4500 tells a client to stop, so it is never said without a newer generation to which it can stop.
void Session::fenced(std::uint64_t by_generation) {
  if (by_generation > generation_) {
    close(CloseCode::kSuperseded, {.generation = by_generation});
  } else {
    close(CloseCode::kGatewayFenced);
  }
}

void Session::on(const ReleasedNotice& notice) {
  if (!holds() || notice.released.generation() != generation_) return;
  close(code_of(notice.released));
}

// ---- whose socket ends lets its connection go ----

void Session::on(const DrainRequested& request) {
  if (phase_ == Phase::kNew || phase_ == Phase::kClaiming) {
    return give_up_claim({.code = CloseCode::kDraining,
                          .after_ms = request.after_ms,
                          .message = "This gateway is going away."});
  }
  if (!holds()) return;
  if (phase_ != Phase::kUpgrading) send_control(reconnect_frame("draining", request.after_ms));
  detach(v1::GATEWAY_LEFT);
  close(CloseCode::kDraining, {.after_ms = request.after_ms});
}

void Session::on(const ConsumerTooSlow&) {
  if (!holds()) return;
  detach(v1::SOCKET_LOST);
  close(CloseCode::kSlowConsumer);
}

void Session::on(const FrameTooBig&) {
  if (!holds()) return;
  detach(v1::SOCKET_LOST);
  begin_closing();
}

void Session::on(const SocketEnded& ended) {
  if (phase_ == Phase::kFinished) return;
  if (phase_ == Phase::kClaiming) {
    abandon();
  } else if (holds() && ended.code == static_cast<std::uint16_t>(CloseCode::kDone)) {
    v1::Operation done;
    done.mutable_close()->set_reason(v1::CLIENT_DONE);
    end(std::move(done));
  } else if (holds()) {
    detach(v1::SOCKET_LOST);
  }
  finish();
}

// ---- the last things ----

void Session::give_up_claim(RefuseUpgrade refusal) {
  if (phase_ == Phase::kClaiming) abandon();
  refuse(std::move(refusal));
}

void Session::abandon() {
  v1::AbandonRequest request;
  request.set_key(request_.key);
  request.set_claim_id(request_.claim_id);
  act(SendAbandon{std::move(request)});
}

// A machine that was operational once waits for its client again; a new one has failed.
void Session::give_up_setup() {
  if (machine_resumed_ || operational_) return detach(v1::SETUP_FAILED);
  v1::Operation fail;
  fail.mutable_fail()->set_reason(v1::SETUP_FAILED);
  end(std::move(fail));
}

void Session::detach(v1::Reason reason) {
  v1::Operation operation;
  operation.mutable_detach()->set_reason(reason);
  end(std::move(operation));
}

// Once in a session: whoever calls it closes or finishes next.
void Session::end(v1::Operation last) { act(SendOperation{generation_, std::move(last)}); }

// Something came that cannot come. The client loses nothing by starting over.
void Session::defect(std::string_view sentence) {
  if (operational_) {
    detach(v1::GATEWAY_LEFT);
  } else {
    give_up_setup();
  }
  close(CloseCode::kInternal, {.sentence = sentence});
}

void Session::close(CloseCode code, const CloseDetail& detail) {
  act(CloseSocket{code, close_reason(code, detail)});
  begin_closing();
}

void Session::begin_closing() {
  phase_ = Phase::kClosing;
  drop_held_events();
  act(SetTimer{SessionTimer::kClose, limits_.close_timeout_ms});
}

void Session::finish() {
  phase_ = Phase::kFinished;
  drop_held_events();
  act(Finish{});
}

}  // namespace interlock
