// Time that passes when the test says so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "coordinator/store/memory_store.h"

namespace interlock {

class ManualScheduler {
 public:
  Scheduler scheduler() {
    return [this](std::uint64_t delay_ms, std::function<void()> work) {
      items_.emplace(std::pair{now_ms_ + delay_ms, given_++}, std::move(work));
    };
  }

  // Runs what is due now, and what that makes due.
  void run() { pass(0); }

  void pass(std::uint64_t ms) {
    const std::uint64_t end_ms = now_ms_ + ms;
    while (!items_.empty() && items_.begin()->first.first <= end_ms) {
      now_ms_ = items_.begin()->first.first;
      const auto work = std::move(items_.begin()->second);
      items_.erase(items_.begin());
      work();
    }
    now_ms_ = end_ms;
  }

  bool idle() const { return items_.empty(); }

 private:
  std::uint64_t now_ms_ = 0;
  std::uint64_t given_ = 0;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::function<void()>> items_;
};

}  // namespace interlock
