// One process: it has clocks of its own, it can stand still, and it can be gone.
#pragma once

#include <deque>
#include <utility>

#include "tests/simulation/run.h"

namespace interlock::sim {

class Process {
 public:
  explicit Process(Run& run) : run_(run) {}
  virtual ~Process() = default;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  bool alive() const { return alive_; }
  bool runs() const { return alive_ && !paused_; }
  std::uint64_t incarnation() const { return incarnation_; }
  ProcessClock& clock() { return clock_; }

  // What reaches it while it stands still waits, and is there all at once when it goes on. What
  // was meant for an earlier incarnation reaches nobody.
  void reach(std::uint64_t incarnation, Timeline::Work work) {
    if (!alive_ || incarnation != incarnation_) return;
    if (paused_) {
      waiting_.push_back(std::move(work));
    } else {
      work();
    }
  }

  void pause() {
    if (paused_ || !alive_) return;
    paused_ = true;
  }
  void resume() {
    if (!std::exchange(paused_, false)) return;
    // It may be stopped, or killed, again by what it does.
    while (runs() && !waiting_.empty()) {
      const Timeline::Work work = std::move(waiting_.front());
      waiting_.pop_front();
      work();
    }
  }
  bool paused() const { return paused_; }

 protected:
  void born() {
    alive_ = true;
    paused_ = false;
    ++incarnation_;
    // From half to twice as fast as time itself.
    const bool wrong = run_.happens(Fault::kClockRate);
    clock_.start(run_.time.now(), run_.dice.below(1'000'000'000'000),
                 wrong ? run_.dice.spread(500, 2'000) : 1'000);
  }
  void died() {
    alive_ = false;
    paused_ = false;
    waiting_.clear();
  }

  Run& run_;

 private:
  ProcessClock clock_;
  bool alive_ = false;
  bool paused_ = false;
  std::uint64_t incarnation_ = 0;
  std::deque<Timeline::Work> waiting_;
};

}  // namespace interlock::sim
