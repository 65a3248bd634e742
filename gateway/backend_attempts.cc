#include "gateway/backend_attempts.h"

#include <utility>

namespace interlock {

BackendAttempts::BackendAttempts(const AttemptLimits& limits)
    : limits_(limits),
      budget_(limits.retries_per_call, limits.retries_burst),
      breaker_(limits.breaker) {}

BackendAttempts::Call BackendAttempts::begin(std::uint64_t now_ms, std::uint64_t timeout_ms) {
  budget_.called();
  return {now_ms + timeout_ms,
          Backoff(static_cast<std::int64_t>(limits_.retry_initial_ms),
                  static_cast<std::int64_t>(limits_.retry_max_ms)),
          std::nullopt};
}

bool BackendAttempts::may_try(Call& call, std::uint64_t now_ms) {
  call.permit = breaker_.allow(now_ms);
  return call.permit.has_value();
}

std::optional<std::uint64_t> BackendAttempts::tried(Call& call, AttemptOutcome outcome,
                                                    std::uint64_t now_ms, double random,
                                                    std::uint64_t at_least_ms) {
  const auto permit = std::exchange(call.permit, std::nullopt);
  if (!permit) return std::nullopt;
  if (outcome == AttemptOutcome::kAnswered) {
    breaker_.succeeded(*permit);
    return std::nullopt;
  }
  breaker_.failed(*permit, now_ms, random);
  if (outcome != AttemptOutcome::kNotReached) return std::nullopt;
  const std::uint64_t wait_ms =
      std::max(static_cast<std::uint64_t>(call.backoff.next(random)), at_least_ms);
  if (now_ms + wait_ms >= call.deadline_ms || !budget_.take()) return std::nullopt;
  return wait_ms;
}

void BackendAttempts::withdrawn(Call& call) {
  if (const auto permit = std::exchange(call.permit, std::nullopt)) breaker_.withdrawn(*permit);
}

}  // namespace interlock
