// What `interlock-coordinator --check_store URL` says: what was looked at, what was found, and what
// a deployment over this store may promise.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace interlock {

enum class CheckLevel : std::uint8_t {
  kGood,
  kWarning,  // it will serve, but less well or less safely than it could
  kRefused,  // the coordinator would not start, or ought not to
};

struct CheckFinding {
  CheckLevel level = CheckLevel::kGood;
  std::string subject;  // "version", "durability", "latency" ...
  std::string found;    // what is the case, with units: "synchronous_commit is on"
  std::string advice;   // what to do about it; empty when there is nothing to do
};

struct StoreCheck {
  std::vector<CheckFinding> findings;  // in the order in which they were made
  std::vector<std::string> promises;   // sentences; empty when a finding is kRefused
};

}  // namespace interlock
