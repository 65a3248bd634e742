#include "coordinator/authority/lease.h"

namespace interlock {
namespace {

// A coordinator whose memory lags behind must not take back what another has given.
LeaseDecision renewed(const Lease& lease, Tick tick) {
  if (lease.expired) return {.fate = LeaseFate::kExpired};
  LeaseDecision decision{.fate = LeaseFate::kAlive};
  if (tick > lease.renewed_tick) {
    decision.lease = lease;
    decision.lease->renewed_tick = tick;
  }
  return decision;
}

}  // namespace

bool is_overdue(const Lease& lease, Tick tick, const LeaseLimits& limits) {
  return !lease.expired && tick > lease.renewed_tick + limits.ttl_ticks;
}

bool is_forgettable(const Lease& lease, Tick tick, const LeaseLimits& limits) {
  return lease.expired &&
         tick > lease.renewed_tick + limits.ttl_ticks + limits.tombstone_ticks;
}

LeaseDecision decide_lease(const std::optional<Lease>& lease, LeaseAct act, Tick tick,
                           const LeaseLimits& limits) {
  if (!lease) {
    if (act != LeaseAct::kBegin) return {.fate = LeaseFate::kUnknown};
    return {.fate = LeaseFate::kAlive, .lease = Lease{.renewed_tick = tick}};
  }
  switch (act) {
    case LeaseAct::kBegin:
    case LeaseAct::kRenew:
      return renewed(*lease, tick);
    case LeaseAct::kExpire: {
      LeaseDecision decision{.fate = lease->expired ? LeaseFate::kExpired : LeaseFate::kAlive};
      if (!is_overdue(*lease, tick, limits)) return decision;
      decision.fate = LeaseFate::kExpired;
      decision.lease = lease;
      decision.lease->expired = true;
      return decision;
    }
    case LeaseAct::kDrain:
      // The pace is for whoever asks to fill in; it says nothing of whether the gateway lives.
      return {.fate = lease->expired ? LeaseFate::kExpired : LeaseFate::kAlive};
    case LeaseAct::kForget:
      return {.fate = lease->expired ? LeaseFate::kExpired : LeaseFate::kAlive,
              .remove = is_forgettable(*lease, tick, limits)};
  }
  return {};
}

}  // namespace interlock
