#include "gateway/replay.h"

namespace interlock {

Replay::Verdict Replay::offer(std::uint64_t sequence) {
  if (sequence < next_) return Verdict::kRepetition;
  if (sequence > next_) return Verdict::kGap;
  ++next_;
  if (!ready_taken_) ++replayed_;
  return Verdict::kSend;
}

void Replay::set_barrier(std::uint64_t last_sequence) {
  if (barrier_set_) return;
  barrier_set_ = true;
  barrier_ = last_sequence;
}

bool Replay::take_ready() {
  if (!barrier_set_ || ready_taken_ || last_sent() < barrier_) return false;
  ready_taken_ = true;
  return true;
}

}  // namespace interlock
