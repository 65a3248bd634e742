// Events down, messages up.
#include <utility>

#include "common/json_check.h"
#include "gateway/frames.h"
#include "gateway/session.h"

namespace interlock {
namespace {

constexpr std::size_t frames_before_hello_max = 32;  // more are pongs, of which one would do

constexpr std::string_view unavailable = "UNAVAILABLE";
constexpr std::string_view refused_generation = "ABORTED";

}  // namespace

void Session::send_frame(std::string text) {
  if (phase_ != Phase::kUpgrading) {
    return on_hold_ ? keep_frame(std::move(text)) : act(SendFrame{std::move(text)});
  }
  if (before_hello_.size() >= frames_before_hello_max) return;
  before_hello_.push_back({std::move(text), false});
}

void Session::send_control(std::string text) {
  if (phase_ != Phase::kUpgrading) return act(SendFrame{std::move(text)});
  if (before_hello_.size() >= frames_before_hello_max) return;
  before_hello_.push_back({std::move(text), true});
}

// ---- events ----

void Session::on(Delivered& delivered) {
  if (!holds() || delivered.delivery.generation() != generation_) {
    return return_credit(delivered.delivery);
  }
  if (phase_ == Phase::kOpen && !on_hold_) return send_events(delivered.delivery);
  held_.push_back(std::move(delivered.delivery));
}

// The moment from which on events may be sent: this generation is operational, the client has had
// its hello, and the gateway may act.
void Session::open_when_operational() {
  if (phase_ != Phase::kSetup || !operational_ || on_hold_) return;
  phase_ = Phase::kOpen;
  send_held_events();
  become_live_when_due();
}

void Session::send_held_events() {
  for (const v1::Delivery& delivery : std::exchange(held_, {})) {
    if (phase_ == Phase::kOpen) {
      send_events(delivery);
    } else {
      return_credit(delivery);
    }
  }
}

void Session::send_events(const v1::Delivery& delivery) {
  const std::uint64_t sent_before = replay_.last_sent();
  bool gap = false;
  for (const v1::Event& event : delivery.events()) {
    const Replay::Verdict verdict = replay_.offer(event.sequence());
    gap = verdict == Replay::Verdict::kGap;
    if (gap) break;
    if (verdict == Replay::Verdict::kRepetition) continue;
    send_frame(event_frame(event));
    send_transients();
    become_live_when_due();
  }
  if (replay_.last_sent() > sent_before) act(EventsSent{generation_, replay_.last_sent()});
  return_credit(delivery);
  if (gap) defect("An event is missing.");
}

void Session::become_live_when_due() {
  if (phase_ != Phase::kOpen || !replay_.take_ready()) return;
  act(CancelTimer{SessionTimer::kSetup});
  send_frame(ready_frame(state_, replay_.replayed()));
  send_next_message();
}

void Session::return_credit(const v1::Delivery& delivery) {
  if (delivery.payload_bytes() > 0) act(ReturnCredit{delivery.payload_bytes()});
}

void Session::drop_held_events() {
  for (const v1::Delivery& delivery : std::exchange(held_, {})) return_credit(delivery);
}

// ---- transient events: straight from the backend, so nobody has looked at them yet ----

void Session::on(TransientReceived& transient) {
  v1::Transient& event = transient.event;
  if (!live() || (!event.data().empty() && check_json(event.data(), json_depth_max))) {
    return count_dropped(1);
  }
  transients_.add(std::move(event));
  send_transients();
  count_dropped(transients_.limit(limits_.transients_held_max, limits_.transient_bytes_max));
}

void Session::send_transients() {
  if (on_hold_) return;
  while (const auto event = transients_.take(replay_.last_sent())) {
    const std::uint64_t after = event->after() > 0 ? event->after() : replay_.last_sent();
    send_frame(transient_frame(after, event->type(), event->data()));
  }
  if (transients_timed_ == transients_.empty()) {
    transients_timed_ = !transients_timed_;
    if (transients_timed_) {
      act(SetTimer{SessionTimer::kTransient, limits_.transient_wait_ms});
    } else {
      act(CancelTimer{SessionTimer::kTransient});
    }
  }
}

void Session::count_dropped(std::uint64_t transients) {
  if (transients > 0 && holds()) act(TransientsDropped{transients});
}

// ---- what the client sends ----

void Session::on(const FrameReceived& frame) {
  if (!holds()) return;
  heard();
  ClientFrame parsed =
      frame.binary ? FrameFault{"A frame must be text."} : parse_client_frame(frame.payload);
  std::visit([this](auto& each) { take(each); }, parsed);
}

void Session::heard() {
  if (holds() && std::exchange(awaiting_pong_, false)) act(CancelTimer{SessionTimer::kPong});
}

void Session::take(const ClientPing&) { send_control(pong_frame()); }

void Session::take(const FrameFault& fault) {
  detach(v1::SOCKET_LOST);
  close(CloseCode::kProtocolError, {.sentence = fault.sentence});
}

void Session::take(const ClientAck& ack) {
  if (ack.sequence > replay_.last_sent()) {
    return send_frame(
        error_frame({.code = "INVALID_ARGUMENT", .message = "The ack is ahead of what was sent."}));
  }
  if (ack.sequence <= acknowledged_) return;
  acknowledged_ = ack.sequence;
  act(Acknowledge{generation_, ack.sequence});
}

void Session::take(ClientMessage& message) {
  if (messages_.contains(message.id)) return;
  const bool early = !live();
  const auto room =
      early ? MessageQueue::Room{limits_.early_messages_max, limits_.early_bytes_max}
            : MessageQueue::Room{limits_.waiting_messages_max, limits_.waiting_bytes_max};
  if (messages_.add({message.id, std::move(message.data)}, room)) return send_next_message();
  if (on_hold_) return close_overfilled();
  if (!early) {
    return fail_message(message.id, "RESOURCE_EXHAUSTED", "Too many messages wait already.", true);
  }
  detach(v1::SOCKET_LOST);
  close(CloseCode::kNotNow, {.sentence = "Too much was sent before ready."});
}

// ---- messages, in order, one at a time ----

void Session::send_next_message() {
  if (!live() || on_hold_ || backend_ == Backend::kOpening) return;
  if (backend_ == Backend::kThere) {
    if (auto message = messages_.send_next()) {
      act(SendToBackend{generation_, std::move(message->id), std::move(message->data)});
    }
    return;
  }
  while (!messages_.empty()) {
    const std::string id = messages_.drop_first();
    if (backend_ == Backend::kAway) {
      fail_message(id, unavailable, "The backend cannot be reached.", true);
    } else {
      fail_message(id, unavailable, "There is no backend.", false);
    }
  }
}

void Session::on(const MessageTaken& taken) {
  if (!live() || !messages_.with_backend(taken.id)) return;
  open_retry_.reset();
  send_frame(ack_frame(messages_.drop_first()));
  send_next_message();
}

void Session::on(const MessageFailed& failed) {
  if (!live() || !messages_.with_backend(failed.id)) return;
  if (failed.code == refused_generation) return backend_refused();
  messages_.drop_first();
  fail_message(failed.id, failed.code, failed.message, failed.retryable);
  if (failed.code == unavailable) backend_away();
  send_next_message();
}

void Session::fail_message(const std::string& id, std::string_view code, std::string_view message,
                           bool retryable) {
  send_frame(
      error_frame({.message_id = id, .code = code, .message = message, .retryable = retryable}));
}

}  // namespace interlock
