// A gateway's right to act for all its connections: one lease per gateway, not one per connection.
//
// A lease only makes it likely that its gateway lives; ownership of a connection never rests on it.
// Time is the tick: a lease that was renewed more than one TTL of ticks ago may be expired, and an
// expired one never comes back. Its record stays for a day, so that no late copy of anything makes
// it anew.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coordinator/authority/machine.h"

namespace interlock {

struct Lease {
  Tick renewed_tick = 0;
  bool expired = false;
  std::string address;                  // display only
  std::int64_t first_seen_unix_ms = 0;  // display only
  std::uint32_t draining_per_s = 0;     // an operator wants it empty, at this pace; 0: not
  std::string load;                     // what it says of itself, byte for byte; display only
  std::string unknown;                  // fields of a newer build, byte for byte
  friend bool operator==(const Lease&, const Lease&) = default;
};

struct LeaseLimits {
  Tick ttl_ticks = 15;
  Tick tombstone_ticks = 86'400;  // how long an expired id is remembered
};

enum class LeaseAct {
  kBegin,   // the gateway attaches, or claims without a stream: made if there is none
  kRenew,   // a heartbeat: never makes one
  kExpire,
  kForget,  // the record of an expired one
  kDrain,   // an operator wants it empty
};

enum class LeaseFate {
  kAlive,    // `lease` is to be written, or stands already
  kExpired,  // for good
  kUnknown,  // there is none
};

struct LeaseDecision {
  LeaseFate fate = LeaseFate::kUnknown;
  std::optional<Lease> lease;  // to be written; nothing: the record stays as it is
  bool remove = false;         // the record is to be deleted
};

// Whether more than one TTL of ticks has passed since it was renewed.
bool is_overdue(const Lease& lease, Tick tick, const LeaseLimits& limits);
// Whether its tombstone has stood long enough.
bool is_forgettable(const Lease& lease, Tick tick, const LeaseLimits& limits);

LeaseDecision decide_lease(const std::optional<Lease>& lease, LeaseAct act, Tick tick,
                           const LeaseLimits& limits);

}  // namespace interlock
