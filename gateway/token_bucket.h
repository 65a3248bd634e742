// How many of something a second, with a burst.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace interlock {

// A value; the time is an argument. A rate of 0 means no limit. Holds one second's worth.
class TokenBucket {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit TokenBucket(double per_second) : per_second_(per_second), tokens_(per_second) {}

  bool take(Time now) {
    if (per_second_ <= 0) return true;
    const double elapsed_seconds = std::chrono::duration<double>(now - filled_at_).count();
    if (elapsed_seconds > 0) {
      tokens_ = std::min(std::max(per_second_, 1.0), tokens_ + elapsed_seconds * per_second_);
      filled_at_ = now;
    }
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double per_second_;
  double tokens_;
  Time filled_at_{};  // long ago: the first take finds it full
};

}  // namespace interlock
