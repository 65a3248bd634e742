// What waits while the gateway may not act for its connections.
//
// Nothing here is decided by time: whoever feeds the session says when the hold begins and ends. A
// client whose own buffer is full is closed, alone; all others wait as long as it takes.
#include <utility>

#include "gateway/session.h"

namespace interlock {

// Deadlines that run out because nothing flows would close healthy sockets: the pong may lie unread
// in a process that stood still, and the setup waits for the gateway and not for the client.
void Session::on(const HoldBegan&) {
  if (std::exchange(on_hold_, true) || !holds()) return;
  if (!live()) act(CancelTimer{SessionTimer::kSetup});
  if (awaiting_pong_) act(CancelTimer{SessionTimer::kPong});
}

void Session::on(const HoldEnded&) {
  if (!std::exchange(on_hold_, false) || !holds()) return;
  if (!live()) act(SetTimer{SessionTimer::kSetup, limits_.setup_timeout_ms});
  if (awaiting_pong_) act(SetTimer{SessionTimer::kPong, limits_.pong_timeout_ms});
  send_kept();
  if (std::exchange(open_wanted_, false) && holds()) open_backend();
  if (holds()) send_next_message();
}

// First what became of the client's own frames, then events, and then what follows them.
void Session::send_kept() {
  kept_bytes_ = 0;
  for (std::string& text : std::exchange(kept_frames_, {})) act(SendFrame{std::move(text)});
  open_when_operational();
  if (phase_ == Phase::kOpen) send_held_events();
  if (phase_ == Phase::kOpen) send_transients();
}

void Session::keep_frame(std::string text) {
  overfilled_ = overfilled_ || kept_frames_.size() >= limits_.kept_frames_max ||
                kept_bytes_ + text.size() > limits_.kept_bytes_max;
  if (overfilled_) return;
  kept_bytes_ += text.size();
  kept_frames_.push_back(std::move(text));
}

// At the end of a step, so that nothing is asked for behind it.
void Session::close_overfilled() {
  if (!holds()) return;
  detach(v1::SOCKET_LOST);
  close(CloseCode::kNotNow, {.sentence = "Too much waits for the gateway's coordinator."});
}

}  // namespace interlock
