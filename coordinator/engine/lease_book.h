// The leases of all gateways as the store last showed them, and what is to be done with each next.
//
// Part of the engine's pure step: it decides what to commit and what follows from the outcome; the
// engine commits it, ahead of everything else in the batch.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/authority/lease.h"
#include "coordinator/engine/engine_types.h"

namespace interlock {

// A heartbeat that waits to be confirmed.
struct WaitingHeartbeat {
  StreamId stream = 0;
  std::uint64_t number = 0;
};

class LeaseBook {
 public:
  explicit LeaseBook(const LeaseLimits& limits) : limits_(limits) {}

  LeaseFate fate(std::string_view gateway) const;
  const Lease* find(std::string_view gateway) const;
  std::vector<std::string> gateways() const;  // with a lease or a tombstone, in order
  std::size_t size() const { return known_; }   // leases and tombstones
  std::size_t alive() const { return alive_; }
  // The age of the lease that stands and was renewed longest ago; 0: there is none.
  Tick oldest_age(Tick tick) const;

  // What the store shows; nothing: there is none.
  void observe(std::string_view gateway, std::optional<Lease> lease);

  void begin(const std::string& gateway, std::string address, std::int64_t now_unix_ms);
  // `load`: what it says of itself, kept with the lease when that is written next; empty: nothing.
  void heartbeat(const std::string& gateway, WaitingHeartbeat heartbeat, std::string load);
  // A gateway that speaks without a stream: its calls renew its lease when a third of it is over.
  void spoke(std::string_view gateway, Tick tick);
  // An operator wants it empty, so many connections a second.
  void drain(const std::string& gateway, std::uint32_t per_s);
  // Wants every lease expired, and every tombstone forgotten, that is due at this tick.
  void look_for_overdue(Tick tick);

  // Gateways for which something may be committed now, in order.
  std::vector<std::string> ready(std::size_t max) const;
  bool any_ready() const { return !ready_.empty(); }
  struct Plan {
    LeaseFate fate = LeaseFate::kUnknown;  // when it is carried out
    Write write = Write::kCompareOnly;
    std::string record;                    // kPut
    bool settled = false;                  // nothing to commit: the fate is durable as it is
  };
  // What to commit over `expected` for this gateway; it is under way from then on, unless settled.
  Plan plan(const std::string& gateway, Revision expected, Tick tick, bool single_writer);

  struct Result {
    LeaseFate fate = LeaseFate::kUnknown;
    std::vector<WaitingHeartbeat> heartbeats;  // that rest on it
    bool drained = false;                      // a drain was written, or came too late
  };
  // The commit held.
  Result held(const std::string& gateway);
  // It was refused or nobody knows: it is planned again. `doubt`: the revision over which it may
  // still land.
  void again(const std::string& gateway, std::optional<Revision> doubt);
  // It surely failed. Heartbeats are not confirmed; the next ones ask again.
  void failed(const std::string& gateway);

 private:
  struct Entry {
    std::optional<Lease> lease;
    bool begin = false;
    std::string address;                // wanted with `begin`
    std::int64_t first_seen_unix_ms = 0;
    std::string load;                   // to be written with the next renewal; empty: as it was
    bool renew = false;                 // wanted without a heartbeat
    bool expire = false;
    bool forget = false;
    std::uint32_t drain_per_s = 0;      // wanted; 0: not
    bool draining_under_way = false;
    std::vector<WaitingHeartbeat> waiting;
    bool under_way = false;
    LeaseAct act = LeaseAct::kRenew;    // that is under way, and what it comes to
    LeaseFate planned = LeaseFate::kUnknown;
    std::vector<WaitingHeartbeat> deciding;
    std::optional<Revision> doubt;
    bool wanted() const {
      return begin || renew || expire || forget || drain_per_s > 0 || !waiting.empty();
    }
  };
  Entry& entry_of(const std::string& gateway) { return entries_[gateway]; }
  void settle(const std::string& gateway, Entry& entry);
  static LeaseAct next_act(const Entry& entry);

  const LeaseLimits limits_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::set<std::string> ready_;
  std::size_t known_ = 0;
  std::size_t alive_ = 0;
};

}  // namespace interlock
