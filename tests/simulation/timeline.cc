#include "tests/simulation/timeline.h"

#include <algorithm>
#include <utility>

namespace interlock::sim {

void Timeline::at(Us when, Work work) {
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(work_.size());
    work_.push_back(std::move(work));
  } else {
    slot = free_.back();
    free_.pop_back();
    work_[slot] = std::move(work);
  }
  due_.push_back({std::max(when, now_), order_++, slot});
  std::push_heap(due_.begin(), due_.end());
}

bool Timeline::run_one(Us until) {
  if (due_.empty() || due_.front().at > until) {
    now_ = std::max(now_, until);
    return false;
  }
  const Due due = due_.front();
  std::pop_heap(due_.begin(), due_.end());
  due_.pop_back();
  now_ = due.at;
  ++events_;
  const Work work = std::exchange(work_[due.slot], nullptr);
  free_.push_back(due.slot);
  work();
  return true;
}

void ProcessClock::start(Us now, std::uint64_t boot_us, std::uint64_t rate_per_mille) {
  since_ = now;
  base_ = boot_us;
  rate_ = rate_per_mille;
}

void ProcessClock::set_rate(Us now, std::uint64_t rate_per_mille) {
  base_ = local(now);
  since_ = now;
  rate_ = rate_per_mille;
}

Us ProcessClock::moment_of(std::uint64_t boot_ms) const {
  const std::uint64_t local_us = boot_ms * 1'000;
  if (local_us <= base_) return since_;
  return since_ + ((local_us - base_) * 1'000 + rate_ - 1) / rate_;
}

}  // namespace interlock::sim
