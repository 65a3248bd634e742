// When a token that runs out is asked for anew.
//
// A pure machine: times in unix milliseconds and random numbers in [0, 1) are arguments, and
// whoever asks for tokens is somebody else.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/backoff.h"

namespace interlock {

struct IdentityRefreshLimits {
  std::int64_t ahead_ms = 10 * 60'000;  // of the end of the token that there is
  std::int64_t jitter_ms = 60'000;      // up to so much earlier, so that not all ask at once
  std::int64_t retry_initial_ms = 1'000;
  std::int64_t retry_max_ms = 60'000;
  std::int64_t refused_gap_ms = 30'000;  // a peer that refuses each token causes no more than this
  std::int64_t skew_ms = 30'000;  // by which our clock may be wrong: who checks allows as much
};

class IdentityRefresh {
 public:
  explicit IdentityRefresh(const IdentityRefreshLimits& limits = {})
      : limits_(limits), backoff_(limits.retry_initial_ms, limits.retry_max_ms) {}

  // A token that ends then is of no use even to somebody whose clock is a little behind.
  bool is_over(std::int64_t expires_at_ms, std::int64_t now_ms) const {
    return now_ms >= expires_at_ms + limits_.skew_ms;
  }
  // There is a token, and it is not over.
  bool usable(std::int64_t now_ms) const { return have_ && !is_over(expires_at_ms_, now_ms); }

  void fetched(std::int64_t expires_at_ms, std::int64_t now_ms, double random) {
    have_ = true;
    expires_at_ms_ = expires_at_ms;
    backoff_.reset();
    // Of one that has been handed out before, or is short-lived, half of what is left.
    const std::int64_t left_ms = std::max<std::int64_t>(expires_at_ms - now_ms, 0);
    const auto early_ms = static_cast<std::int64_t>(
        random * static_cast<double>(std::min(limits_.jitter_ms, left_ms / 10)));
    const std::int64_t ahead_ms = std::min(limits_.ahead_ms, left_ms / 2);
    due_ms_ = std::max(expires_at_ms - ahead_ms - early_ms, now_ms + limits_.retry_initial_ms);
  }
  void failed(std::int64_t now_ms, double random) { due_ms_ = now_ms + backoff_.next(random); }

  // Whom it was shown to did not take it. True: it is asked for anew at once.
  bool refused(std::int64_t now_ms) {
    if (now_ms < refused_at_ms_ + limits_.refused_gap_ms) return false;
    refused_at_ms_ = now_ms;
    due_ms_ = std::min(due_ms_, now_ms);
    return true;
  }

  std::int64_t due_ms() const { return due_ms_; }  // 0: at once
  std::int64_t expires_at_ms() const { return expires_at_ms_; }  // 0: there was none yet

 private:
  IdentityRefreshLimits limits_;
  Backoff backoff_;
  bool have_ = false;
  std::int64_t expires_at_ms_ = 0;
  std::int64_t due_ms_ = 0;
  std::int64_t refused_at_ms_ = -(std::int64_t{1} << 50);
};

}  // namespace interlock
