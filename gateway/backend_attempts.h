// Whether a call to the backend may be made, and made again.
//
// A pure value, one for each backend: the breaker and the retry budget are shared by all calls.
// Only what surely was not taken, or may be taken twice, comes here: every method of a backend is
// safe to repeat.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/backoff.h"
#include "gateway/breaker.h"

namespace interlock {

// So many retries for each call, and a few more at once: when a backend fails, the retries must not
// be the load that keeps it down.
class RetryBudget {
 public:
  RetryBudget(double per_call, double burst) : per_call_(per_call), burst_(burst), tokens_(burst) {}

  void called() { tokens_ = std::min(burst_, tokens_ + per_call_); }
  bool take() {
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double per_call_;
  double burst_;
  double tokens_;
};

struct AttemptLimits {
  std::uint64_t retry_initial_ms = 50;  // exponential, full jitter
  std::uint64_t retry_max_ms = 1'000;
  double retries_per_call = 0.1;
  double retries_burst = 10;
  BreakerLimits breaker;
};

enum class AttemptOutcome : std::uint8_t {
  kAnswered,  // the backend spoke, whatever it said
  kNotReached,  // tried again, within the deadline, the budget and the breaker
  kOverloaded,  // not answered in time, or refused for its load: counted, not tried again
};

class BackendAttempts {
 public:
  explicit BackendAttempts(const AttemptLimits& limits);

  // One call, from its first attempt to its last.
  struct Call {
    std::uint64_t deadline_ms = 0;
    Backoff backoff;
    std::optional<Breaker::Permit> permit;  // of the attempt under way
  };
  Call begin(std::uint64_t now_ms, std::uint64_t timeout_ms);
  // Before each attempt; false: the breaker is open, the call has failed.
  bool may_try(Call& call, std::uint64_t now_ms);
  // After each attempt; the wait before the next one, or nothing when this was the last. The
  // backend may have asked for a wait of `at_least_ms`.
  std::optional<std::uint64_t> tried(Call& call, AttemptOutcome outcome, std::uint64_t now_ms,
                                     double random, std::uint64_t at_least_ms = 0);
  // The attempt was given up for a reason that says nothing about the backend.
  void withdrawn(Call& call);

  const Breaker& breaker() const { return breaker_; }

 private:
  AttemptLimits limits_;
  RetryBudget budget_;
  Breaker breaker_;
};

}  // namespace interlock
