// Replay, barrier, live: which event may be sent now, and when `ready` is due.
//
// A pure value. Events come in from the coordinator in order; what is behind the position is a
// repetition and is dropped; what skips is a defect upstream and is refused, never sent.
#pragma once

#include <cstdint>

namespace interlock {

class Replay {
 public:
  Replay() = default;
  // `next`: the first sequence that this socket will deliver; sequences begin at 1.
  explicit Replay(std::uint64_t next) : next_(next > 0 ? next : 1) {}

  enum class Verdict : std::uint8_t { kSend, kRepetition, kGap };
  Verdict offer(std::uint64_t sequence);

  // The generation is operational; events up to `last_sequence` belong before the barrier. The
  // first one stands.
  void set_barrier(std::uint64_t last_sequence);

  // True once, when everything before the barrier has been offered: send `ready` now.
  bool take_ready();

  bool live() const { return ready_taken_; }
  std::uint64_t next() const { return next_; }
  std::uint64_t last_sent() const { return next_ - 1; }
  std::uint64_t replayed() const { return replayed_; }  // events sent before the barrier

 private:
  std::uint64_t next_ = 1;
  std::uint64_t barrier_ = 0;
  std::uint64_t replayed_ = 0;
  bool barrier_set_ = false;
  bool ready_taken_ = false;
};

}  // namespace interlock
