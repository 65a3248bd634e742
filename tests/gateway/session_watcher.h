// Looks at everything a session is told and wants, and says what may never happen.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "gateway/session.h"

namespace interlock {

class SessionWatcher {
 public:
  // In this order: the input, then each action that it gave rise to.
  void saw(const SessionInput& input);
  void saw(const SessionAction& action);
  // Everything is over.
  void ended();

  // The first thing that may not happen; empty: all is well.
  const std::string& wrong() const { return wrong_; }

  bool ready() const { return ready_; }
  bool closed() const { return closed_; }
  std::uint64_t messages_sent() const { return messages_sent_; }
  std::uint64_t held_inputs() const { return held_inputs_; }
  std::uint64_t events_sent() const { return last_event_ + 1 - first_event_; }

 private:
  void heard(const ClaimAnswered& input);
  void heard(const Upgraded&) { upgraded_ = upgraded_ || accepted_; }
  void heard(const Operated& input);
  void heard(const MessageTaken& input) { forget_message(input.id); }
  void heard(const MessageFailed& input) { forget_message(input.id); }
  void heard(const BackendOpened&) { opening_ = false; }
  void heard(const Delivered& input) { credit_due_ += input.delivery.payload_bytes(); }
  void heard(const HoldBegan&) { on_hold_ = true; }
  void heard(const HoldEnded&) { on_hold_ = false; }
  void heard(const SupersededNotice&) { lost_ = lost_ || holds(); }
  void heard(const ReleasedNotice& input) {
    lost_ = lost_ || (holds() && input.released.generation() == generation_);
  }
  template <typename Other>
  void heard(const Other&) {}

  void wants(const SendClaim&);
  void wants(const SendAbandon&);
  void wants(const AcceptUpgrade&);
  void wants(const RefuseUpgrade&);
  void wants(const SendOperation& action);
  void wants(const OpenBackend& action);
  void wants(const SendToBackend& action);
  void wants(const SendFrame& action);
  void wants(const SendPing&) { check(upgraded_ && !closed_, "a ping without a socket"); }
  void wants(const Acknowledge& action);
  void wants(const EventsSent& action);
  void wants(const ReturnCredit& action);
  void wants(const TransientsDropped&) {}
  void wants(const CloseSocket& action);
  void wants(const SetTimer&) {}
  void wants(const CancelTimer&) {}
  void wants(const Finish&);

  void wants_event(std::string_view text);
  void forget_message(const std::string& id);
  bool holds() const { return generation_ > 0 && !let_go_ && !closed_ && !finished_; }
  void check(bool holds, std::string_view sentence) {
    if (!holds && wrong_.empty()) wrong_ = sentence;
  }

  std::string wrong_;
  std::uint64_t generation_ = 0;
  bool claimed_ = false;
  bool answered_ = false;
  bool abandoned_ = false;
  bool accepted_ = false;
  bool refused_ = false;
  bool upgraded_ = false;
  bool greeted_ = false;
  bool operational_ = false;
  bool ready_ = false;
  bool opening_ = false;
  bool lost_ = false;       // another's, or nobody's
  bool let_go_ = false;     // Close, Detach or Fail was sent
  bool closed_ = false;     // a close frame was sent
  bool finished_ = false;
  bool on_hold_ = false;    // the gateway may not act
  std::uint64_t first_event_ = 1;
  std::uint64_t last_event_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t credit_due_ = 0;
  std::uint64_t messages_sent_ = 0;
  std::uint64_t held_inputs_ = 0;  // what came during a hold of an upgraded connection
  std::string with_backend_;  // the message that the backend has and has not answered
};

}  // namespace interlock
