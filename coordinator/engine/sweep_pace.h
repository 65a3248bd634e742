// How fast sweeps go, so that nobody notices them who waits for an answer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace interlock {

// A value; the time is an argument. A rate of 0 means no limit.
class SweepPace {
 public:
  // `burst`: how many may go at once after a while without any.
  SweepPace(std::uint64_t per_second, std::size_t burst)
      : per_second_(per_second), full_(burst * kOne), left_(full_) {}

  bool take(std::uint64_t now_ms) {
    if (per_second_ == 0) return true;
    if (now_ms > filled_at_ms_) {
      // What is full after a second of any rate is full after more of them.
      const std::uint64_t elapsed_ms = std::min<std::uint64_t>(now_ms - filled_at_ms_, 1'000);
      left_ = std::min(full_, left_ + elapsed_ms * per_second_);
      filled_at_ms_ = now_ms;
    }
    if (left_ < kOne) return false;
    left_ -= kOne;
    return true;
  }

  // When the next one may go, for who has been refused.
  std::uint64_t next_ms() const {
    return filled_at_ms_ + (kOne - left_ + per_second_ - 1) / per_second_;
  }

 private:
  static constexpr std::uint64_t kOne = 1'000;  // thousandths, so that it is exact

  std::uint64_t per_second_;
  std::uint64_t full_;
  std::uint64_t left_;
  std::uint64_t filled_at_ms_ = 0;
};

}  // namespace interlock
