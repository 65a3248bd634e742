// How long to wait before trying again.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>

namespace interlock {

// Exponential backoff with full jitter: the n-th wait is uniform between 0 and
// min(max_ms, initial_ms * 2^n), so that many who failed together do not come back together
// ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015). A value: copies and compares.
class Backoff {
 public:
  // 0 < initial_ms <= max_ms.
  constexpr Backoff(std::int64_t initial_ms, std::int64_t max_ms)
      : initial_ms_(initial_ms), max_ms_(max_ms), ceiling_ms_(initial_ms) {
    assert(0 < initial_ms && initial_ms <= max_ms);
  }

  // The next wait; `random_0_to_1` is the caller's uniform random number.
  constexpr std::int64_t next(double random_0_to_1) {
    assert(0 <= random_0_to_1 && random_0_to_1 <= 1);
    const std::int64_t ceiling_ms = ceiling_ms_;
    ceiling_ms_ = ceiling_ms > max_ms_ / 2 ? max_ms_ : ceiling_ms * 2;
    const auto wait_ms = static_cast<std::int64_t>(random_0_to_1 * static_cast<double>(ceiling_ms));
    return std::min(wait_ms, ceiling_ms);
  }

  // What was tried has worked: the next failure begins at initial_ms again.
  constexpr void reset() { ceiling_ms_ = initial_ms_; }

  friend bool operator==(const Backoff&, const Backoff&) = default;

 private:
  std::int64_t initial_ms_;
  std::int64_t max_ms_;
  std::int64_t ceiling_ms_;
};

}  // namespace interlock
