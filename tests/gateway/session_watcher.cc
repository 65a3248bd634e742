#include "tests/gateway/session_watcher.h"

#include <charconv>

namespace interlock {
namespace {

bool is_operational(v1::State state) {
  return state == v1::PROCESSING_READY || state == v1::PROCESSING || state == v1::IDLE ||
         state == v1::DEGRADED;
}

}  // namespace

// ---- what it is told ----

void SessionWatcher::saw(const SessionInput& input) {
  std::visit([this](const auto& what) { heard(what); }, input);
  if (on_hold_ && greeted_ && holds()) ++held_inputs_;
}

void SessionWatcher::heard(const ClaimAnswered& input) {
  if (!claimed_ || answered_ || abandoned_ || input.answer.claim_id() != "claim-1") return;
  answered_ = true;
  if (!input.answer.has_granted()) return;
  const v1::Granted& granted = input.answer.granted();
  generation_ = granted.generation();
  operational_ = is_operational(granted.state());
  first_event_ = granted.next_seq();
  last_event_ = acknowledged_ = first_event_ - 1;
}

void SessionWatcher::heard(const Operated& input) {
  if (!holds() || input.answer.generation() != generation_) return;
  const v1::Refusal& refusal = input.answer.refusal();
  lost_ = lost_ || refusal.has_stale_generation() || refusal.has_not_found();
  if (input.answer.has_done() && is_operational(input.answer.done().state())) operational_ = true;
}

void SessionWatcher::forget_message(const std::string& id) {
  if (id == with_backend_) with_backend_.clear();
}

// ---- what it wants ----

void SessionWatcher::saw(const SessionAction& action) {
  if (finished_) check(std::holds_alternative<ReturnCredit>(action), "an action behind the end");
  std::visit([this](const auto& what) { wants(what); }, action);
}

void SessionWatcher::wants(const SendClaim&) {
  check(!claimed_, "a second claim");
  claimed_ = true;
}

void SessionWatcher::wants(const SendAbandon&) {
  check(claimed_ && !answered_ && !abandoned_, "an abandon without a waiting claim");
  abandoned_ = true;
}

void SessionWatcher::wants(const AcceptUpgrade&) {
  check(generation_ > 0 && !accepted_ && !refused_,
        "an upgrade accepted without a grant, or twice");
  accepted_ = true;
}

void SessionWatcher::wants(const RefuseUpgrade&) {
  check(!accepted_ && !refused_, "an upgrade refused behind its answer");
  refused_ = true;
}

void SessionWatcher::wants(const SendOperation& action) {
  check(action.generation == generation_ && generation_ > 0, "an operation of no generation");
  check(!let_go_, "an operation behind the last one");
  check(!lost_, "an operation of a connection that is lost");
  check(!closed_, "an operation behind the close frame");
  if (!action.operation.has_advance()) let_go_ = true;
}

void SessionWatcher::wants(const OpenBackend& action) {
  check(action.generation == generation_ && generation_ > 0, "an Open of no generation");
  check(!opening_, "a second Open beside the first");
  check(!let_go_ && !closed_, "an Open behind the end");
  check(!on_hold_, "an Open during a hold");
  opening_ = true;
}

void SessionWatcher::wants(const SendToBackend& action) {
  check(operational_, "a message processed before operational");
  check(ready_, "a message processed before ready");
  check(!let_go_ && !closed_, "a message processed behind the end");
  check(!on_hold_, "a message processed during a hold");
  check(with_backend_.empty(), "two messages with the backend at once");
  check(action.generation == generation_, "a message of another generation");
  with_backend_ = action.id;
  ++messages_sent_;
}

void SessionWatcher::wants(const SendFrame& action) {
  const std::string_view text = action.text;
  const auto is = [text](std::string_view type) {
    return text.starts_with("{\"type\":\"" + std::string(type) + "\"");
  };
  check(upgraded_, "a frame before the 101");
  check(!let_go_ && !closed_, "a frame behind the end");
  check(greeted_ != is("hello"), "hello is not the first frame, or comes twice");
  greeted_ = true;
  const bool control = is("hello") || is("lost") || is("pong") || is("reconnect");
  check(!on_hold_ || control, "data during a hold");
  if (is("event") || is("expired")) wants_event(text);
  if (is("ack")) check(ready_, "a message accepted before ready");
  if (is("ready")) {
    check(operational_ && !ready_, "ready before operational, or twice");
    ready_ = true;
  }
}

void SessionWatcher::wants_event(std::string_view text) {
  check(operational_, "an event before operational");
  constexpr std::string_view name = "\"seq\":";
  const auto at = text.find(name);
  if (at == std::string_view::npos) return check(ready_, "a transient event before ready");
  std::uint64_t sequence = 0;
  std::from_chars(text.data() + at + name.size(), text.data() + text.size(), sequence);
  check(sequence == last_event_ + 1, "an event out of order");
  last_event_ = sequence;
}

void SessionWatcher::wants(const Acknowledge& action) {
  check(action.sequence > acknowledged_ && action.sequence <= last_event_,
        "an acknowledgement of what was not sent, or of nothing new");
  check(!let_go_ && !closed_, "an acknowledgement behind the end");
  acknowledged_ = action.sequence;
}

void SessionWatcher::wants(const EventsSent& action) {
  check(action.sequence == last_event_ && action.generation == generation_,
        "other events said to be sent than were sent");
}

void SessionWatcher::wants(const ReturnCredit& action) {
  check(action.bytes <= credit_due_, "more credit returned than was used");
  credit_due_ -= action.bytes;
}

void SessionWatcher::wants(const CloseSocket& action) {
  check(accepted_ && !closed_, "a socket closed twice, or before it was accepted");
  check(action.reason.size() <= 123, "a reason that does not fit");
  check(action.code != CloseCode::kSuperseded ||
            action.reason.find("; generation=") != std::string::npos,
        "stop, without a newer generation");
  closed_ = true;
}

void SessionWatcher::wants(const Finish&) {
  check(!finished_, "a second end");
  finished_ = true;
}

void SessionWatcher::ended() {
  check(finished_, "no end");
  check(!claimed_ || answered_ || abandoned_, "a claim left waiting");
  check(generation_ == 0 || lost_ || let_go_, "a connection left behind");
  check(credit_due_ == 0, "credit that was never returned");
}

}  // namespace interlock
