// Carries things one way, in order and for certain, each after a time of its own; while it is
// blocked they wait.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>

#include "tests/simulation/run.h"

namespace interlock::sim {

// Held by whoever may still hear of what is under way.
class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  explicit Pipe(Run& run) : run_(run) {}

  void send(Us delay, Timeline::Work arrive) {
    last_ = std::max(run_.time.now() + delay, last_);
    run_.time.at(last_, [self = shared_from_this(), arrive = std::move(arrive)]() mutable {
      if (self->blocked_ > 0 || !self->waiting_.empty()) {
        self->waiting_.push_back(std::move(arrive));
      } else {
        arrive();
      }
    });
  }
  // What is sent from now on arrives then, at the earliest.
  void delay(Us until) { last_ = std::max(last_, until); }
  // As often as it was blocked.
  void block() { ++blocked_; }
  void unblock() {
    if (blocked_ > 0) --blocked_;
    flow();
  }
  void open() {
    blocked_ = 0;
    flow();
  }

 private:
  void flow() {
    while (blocked_ == 0 && !waiting_.empty()) {
      const Timeline::Work arrive = std::move(waiting_.front());
      waiting_.pop_front();
      arrive();
    }
  }

  Run& run_;
  Us last_ = 0;
  int blocked_ = 0;
  std::deque<Timeline::Work> waiting_;
};

}  // namespace interlock::sim
