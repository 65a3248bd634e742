// From the claim to operational.
#include <algorithm>
#include <utility>

#include "gateway/session.h"

namespace interlock {
namespace {

constexpr std::uint64_t away_after_ms = 1000;  // when nobody says when to come back

bool is_operational(v1::State state) {
  return state == v1::PROCESSING_READY || state == v1::PROCESSING || state == v1::IDLE ||
         state == v1::DEGRADED;
}

bool is_setup(v1::State state) { return state >= v1::CONNECTING && state <= v1::SERVICES_READY; }

std::uint64_t or_default(std::uint64_t after_ms) { return after_ms > 0 ? after_ms : away_after_ms; }

// How a refused claim is said to the client, as the table of refusals has it.
RefuseUpgrade refusal_of(const v1::Refusal& refusal) {
  switch (refusal.reason_case()) {
    case v1::Refusal::kStale:
      return {.http = 409,
              .code = CloseCode::kStaleAttempt,
              .current_generation = refusal.stale().current_generation(),
              .message = "A newer connection of this client was first."};
    case v1::Refusal::kAlreadyOwned:
      return {.http = 409,
              .code = CloseCode::kDuplicateRefused,
              .after_ms = refusal.already_owned().after_ms(),
              .message = "This session is connected already."};
    case v1::Refusal::kNotNow:
      return {.http = 429,
              .after_ms = or_default(refusal.not_now().after_ms()),
              .message = refusal.not_now().message()};
    case v1::Refusal::kResourceExhausted:
      return {.http = 429,
              .after_ms = away_after_ms,
              .message = "A limit is reached: " + refusal.resource_exhausted().limit() + "."};
    case v1::Refusal::kPermissionDenied:
      return {.http = 403,
              .code = CloseCode::kUnauthorized,
              .message = "This session belongs to somebody else."};
    case v1::Refusal::kInvalidArgument:
      return {.http = 400,
              .code = CloseCode::kProtocolError,
              .message = refusal.invalid_argument().message()};
    case v1::Refusal::kStoreAway:
      return {.after_ms = or_default(refusal.store_away().after_ms()),
              .message = "Connections cannot be granted at the moment."};
    case v1::Refusal::kGatewayExpired:
      return {.after_ms = away_after_ms,
              .message = "This gateway was cut off for too long and begins anew."};
    default:
      return {.http = 500,
              .code = CloseCode::kInternal,
              .after_ms = away_after_ms,
              .message = "The claim was answered in a way that makes no sense."};
  }
}

v1::ClaimRequest claim_of(const SessionRequest& request) {
  v1::ClaimRequest claim;
  claim.set_key(request.key);
  claim.set_subject(request.subject);
  claim.set_claim_id(request.claim_id);
  claim.set_policy(request.policy);
  // Without a backend there is nothing to ask in between: one commit carries all of the setup.
  claim.set_through(request.has_backend ? v1::AUTHENTICATED : v1::PROCESSING_READY);
  claim.set_has_backend(request.has_backend);
  if (request.attempt) *claim.mutable_attempt() = *request.attempt;
  if (request.position) *claim.mutable_position() = *request.position;
  return claim;
}

}  // namespace

// ---- the claim ----

void Session::on(const Started&) {
  if (phase_ != Phase::kNew) return;
  phase_ = Phase::kClaiming;
  act(SendClaim{claim_of(request_)});
  act(SetTimer{SessionTimer::kClaim, limits_.claim_timeout_ms});
}

void Session::on(const CoordinatorAway& away) {
  if (phase_ != Phase::kNew && phase_ != Phase::kClaiming) return;
  give_up_claim({.after_ms = or_default(away.after_ms), .message = "The coordinator is away."});
}

void Session::on(const ClaimAnswered& answered) {
  const v1::ClaimAnswer& answer = answered.answer;
  if (phase_ != Phase::kClaiming || answer.key() != request_.key ||
      answer.claim_id() != request_.claim_id) {
    return;
  }
  act(CancelTimer{SessionTimer::kClaim});
  if (answer.has_granted()) return granted(answer.granted());
  refuse(refusal_of(answer.refusal()));
}

void Session::refuse(RefuseUpgrade refusal) {
  act(std::move(refusal));
  finish();
}

void Session::granted(const v1::Granted& grant) {
  phase_ = Phase::kUpgrading;
  generation_ = grant.generation();
  state_ = asked_ = grant.state();
  machine_resumed_ = grant.state() == v1::RECONNECTING ||
                     std::ranges::find(grant.steps(), v1::RECONNECTING) != grant.steps().end();
  resumed_ = grant.resumed();
  position_lost_ = grant.position_lost();
  replay_ = Replay(grant.next_seq());
  acknowledged_ = replay_.last_sent();
  if (!on_hold_) act(SetTimer{SessionTimer::kSetup, limits_.setup_timeout_ms});
  act(AcceptUpgrade{});
  for (const int step : grant.steps()) show(static_cast<v1::State>(step));
  if (request_.has_backend) {
    backend_ = Backend::kOpening;
    open_backend();
  } else if (!is_operational(asked_)) {
    advance_to(v1::PROCESSING_READY);
  }
  if (is_operational(grant.state())) become_operational(grant.last_seq());
}

void Session::on(const Upgraded&) {
  if (phase_ != Phase::kUpgrading) return;
  phase_ = Phase::kSetup;
  act(SendFrame{hello_frame({.key = request_.key,
                             .session = request_.session,
                             .generation = generation_,
                             .resumed = resumed_,
                             .next_seq = replay_.next(),
                             .heartbeat_ms = limits_.ping_interval_ms})});
  if (position_lost_) act(SendFrame{lost_frame("position_not_held", replay_.next())});
  for (Frame& frame : std::exchange(before_hello_, {})) {
    frame.control ? send_control(std::move(frame.text)) : send_frame(std::move(frame.text));
  }
  act(SetTimer{SessionTimer::kPing, limits_.ping_interval_ms});
  open_when_operational();
}

// ---- the backend ----

void Session::open_backend() {
  open_wanted_ = on_hold_;
  if (on_hold_) return;
  opening_ = true;
  act(OpenBackend{generation_, machine_resumed_});
}

void Session::on(const BackendOpened& opened) {
  if (!holds() || !std::exchange(opening_, false)) return;
  switch (opened.result) {
    case OpenResult::kOk:
      backend_ = Backend::kThere;
      advance_to(v1::PROCESSING_READY);
      return send_next_message();
    case OpenResult::kUnavailable:
      return backend_away();
    case OpenResult::kRefused:
      return backend_refused();
  }
}

void Session::backend_away() {
  backend_ = Backend::kAway;
  advance_to(v1::DEGRADED);
  const auto wait_ms = static_cast<std::uint64_t>(open_retry_.next(random_));
  act(SetTimer{SessionTimer::kOpenRetry, wait_ms});
}

// It has seen a higher generation, which only a newer claim can have. Whose, the client is told
// when it comes back.
void Session::backend_refused() {
  detach(v1::GATEWAY_LEFT);
  close(CloseCode::kGatewayFenced);
}

// ---- the steps ----

// All steps that lie between, at once: they ride in one message and in one commit. A resumed
// machine has none.
void Session::advance_to(v1::State to) {
  const v1::State last_step = to == v1::DEGRADED ? v1::AUTHENTICATED : v1::SERVICES_READY;
  for (const v1::State step : {v1::ACCEPTED, v1::AUTHENTICATED, v1::SERVICES_READY}) {
    if (is_setup(asked_) && step > asked_ && step <= last_step) advance(step);
  }
  if (to != asked_) advance(to);
}

void Session::advance(v1::State to) {
  asked_ = to;
  ++operations_;
  v1::Operation operation;
  operation.set_advance(to);
  act(SendOperation{generation_, std::move(operation)});
}

void Session::on(const Operated& operated) {
  const v1::OperateAnswer& answer = operated.answer;
  if (!holds() || answer.generation() != generation_) return;
  if (answer.has_done()) return done(answer.done());
  switch (answer.refusal().reason_case()) {
    case v1::Refusal::kStaleGeneration:
      return fenced(answer.refusal().stale_generation().current_generation());
    case v1::Refusal::kNotFound:
    case v1::Refusal::kGatewayExpired:
      return fenced(0);
    case v1::Refusal::kStoreAway:
    case v1::Refusal::kNotNow:
      return;  // nothing was decided, and the link asks again
    default:
      return defect("An operation was refused.");
  }
}

void Session::done(const v1::Done& done) {
  for (const int step : done.steps()) show(static_cast<v1::State>(step));
  // The answer to a repetition does not say which steps were written.
  if (done.steps().empty() && done.state() != state_) show(done.state());
  state_ = done.state();
  if (!done.refused().empty()) return defect("A step was refused.");
  if (is_operational(done.state())) return become_operational(done.last_seq());
  if (done.last_op() < operations_) return;  // more answers will come
  // All that was asked for has been answered, and it came to nothing.
  // Within a generation its owner only ever goes, and never becomes another.
  if (done.owner().empty()) return fenced(0);
  defect("The setup came to nothing.");
}

void Session::on(const StateMoved& moved) {
  if (!holds() || moved.notice.generation() != generation_) return;
  state_ = moved.notice.state();
  show(state_);
}

void Session::show(v1::State state) {
  if (!request_.show_states) return;
  send_frame(state_frame(state));
}

void Session::become_operational(std::uint64_t last_sequence) {
  operational_ = true;
  replay_.set_barrier(last_sequence);
  open_when_operational();
}

}  // namespace interlock
