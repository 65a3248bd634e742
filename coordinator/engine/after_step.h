// What callbacks of the engine leave for the end of the step that they run in: encoding, sending.
//
// Where nothing else waits for the engine the same thread does that sooner than another one would
// wake up. Where something waits it is better done elsewhere.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace interlock {

// One step, on the thread that makes it.
class AfterStep {
 public:
  // Given whether to do it here and now; otherwise it has somebody else do it.
  using Work = std::function<void(bool here)>;

  AfterStep() : outer_(std::exchange(current_, this)) {}
  ~AfterStep() { current_ = outer_; }
  AfterStep(const AfterStep&) = delete;
  AfterStep& operator=(const AfterStep&) = delete;

  // False: this thread is in no step, and nothing was taken.
  static bool leave(Work work) {
    if (current_ == nullptr) return false;
    current_->left_.push_back(std::move(work));
    return true;
  }

  // In the order in which it was left. `idle`: nothing waits for the engine.
  void work_off(bool idle) {
    current_ = outer_;  // what this leads to is not left once more
    std::size_t done = 0;
    for (const Work& work : std::exchange(left_, {})) work(idle && done++ < kHereMax);
  }

 private:
  static constexpr std::size_t kHereMax = 4;  // the more there is, the more another thread helps
  static inline thread_local AfterStep* current_ = nullptr;

  AfterStep* outer_;
  std::vector<Work> left_;
};

}  // namespace interlock
