// The store's clock and the leases of gateways, seen from outside.
#pragma once

#include <string>
#include <unordered_map>

#include "coordinator/store/memory_world.h"
#include "tests/simulation/run.h"

namespace interlock::sim {

class Leases {
 public:
  explicit Leases(Run& run) : run_(run) {}

  // Every write of a record that is not a connection's.
  void take(const Entry& entry);
  // By what is durable: neither expired nor absent.
  bool lives(const std::string& gateway) const {
    const auto found = known_.find(gateway);
    return found != known_.end() && !found->second.expired;
  }
  bool expired(const std::string& gateway) const {
    const auto found = known_.find(gateway);
    return found != known_.end() && found->second.expired;
  }
  std::uint64_t tick() const { return tick_; }

 private:
  struct Lease {
    std::uint64_t renewed_tick = 0;
    bool expired = false;
    std::string unknown;
  };
  void take_tick(const Entry& entry);
  void take_lease(const Entry& entry);

  Run& run_;
  std::unordered_map<std::string, Lease> known_;
  std::uint64_t tick_ = 0;
  Us ticked_ = 0;
};

}  // namespace interlock::sim
