// Why a connection is where it is, for an operator: values in, findings out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/authority/lease.h"
#include "coordinator/authority/limits.h"
#include "coordinator/authority/machine.h"

namespace interlock {

// A connection as one coordinator's memory has it.
struct SeenConnection {
  std::string key;
  Record record;
  std::uint64_t revision = 0;
  bool owner_attached = false;  // to this coordinator
  bool orphaned = false;        // its owner's lease has run out
  std::uint64_t unacknowledged_ms = 0;  // since anything of what waits was acknowledged
};

// The numbers are those of `v1::Why`.
enum class Why : std::uint8_t {
  kUnknownKey = 1,
  kHeldByGateway = 2,
  kWaitingForSetup = 3,
  kWaitingForBackendOpen = 4,
  kWaitingForClient = 5,
  kWaitingForResume = 6,
  kBehindOpenBreaker = 7,
  kBeingClosed = 8,
  kEnded = 9,
  kOrphaned = 10,
  kOwnerElsewhere = 11,
  kStoreIsAway = 12,
  kStoreIsFull = 13,
  kOutboxFull = 14,
  kUnacknowledged = 15,
  kTakeoversDamped = 16,
  kBarred = 17,
  kBackendNotTold = 18,
  kGatewayDraining = 19,
  kRunOpen = 20,
};

struct Finding {
  Why why = Why::kUnknownKey;
  std::string text;  // a sentence or two
};

// What else the coordinator knows.
struct ExplainContext {
  Tick tick = 0;
  std::uint64_t tick_ms = 1'000;
  bool store_away = false;
  std::string no_room;                  // why the store may not grow now; empty: it may
  std::uint64_t takeover_after_ms = 0;  // above 0: too many takeovers of the key of late
  std::optional<Lease> owner_lease;
  AuthorityLimits limits;
};

// What matters most first: what keeps everything from going on, the state, then what hangs on it.
std::vector<Finding> explain(const std::optional<SeenConnection>& connection,
                             const ExplainContext& context);

}  // namespace interlock
