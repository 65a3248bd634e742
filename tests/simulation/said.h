// What was really said: the claims and operations that left a gateway, and what clients have seen.
// Whatever the record shows must have been asked for by somebody.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "interlock/v1/gateway.pb.h"
#include "tests/simulation/run.h"

namespace interlock::sim {

class Said {
 public:
  struct Claim {
    v1::ClaimRequest request;
    bool abandoned = false;
    bool refused = false;  // as its gateway was told: it holds nothing for it
  };
  explicit Said(Run& run) : run_(run) {}

  void claim(const v1::ClaimRequest& request) {
    claims_.try_emplace(request.claim_id(), Claim{request});
  }
  void abandon(const std::string& claim_id) {
    const auto found = claims_.find(claim_id);
    if (found != claims_.end()) found->second.abandoned = true;
  }
  void refuse(const std::string& claim_id) {
    const auto found = claims_.find(claim_id);
    if (found != claims_.end()) found->second.refused = true;
  }
  // The number of an operation names one operation for ever.
  void operate(const v1::OperateRequest& request) {
    auto& known = operations_[{request.key(), request.generation()}];
    for (const v1::Operation& operation : request.operations()) {
      const auto [at, fresh] = known.try_emplace(operation.op(), operation);
      if (!fresh && at->second.what_case() != operation.what_case()) {
        run_.wrong("{} {}: operation {} is said twice, differently", request.key(),
                   request.generation(), operation.op());
      }
    }
  }
  // An operator asks for a kick, or a release, of this generation.
  void steer(const std::string& key, std::uint64_t generation, bool for_good) {
    Steered& asked = steered_[{key, generation}];
    (for_good ? asked.for_good : asked.for_now) = true;
  }
  bool steered(const std::string& key, std::uint64_t generation) const {
    return steered_.contains({key, generation});
  }
  bool ended_for_good(const std::string& key, std::uint64_t generation) const {
    const auto found = steered_.find({key, generation});
    return found != steered_.end() && found->second.for_good;
  }
  // Perhaps behind a kick for good, which it softens.
  bool may_return(const std::string& key, std::uint64_t generation) const {
    const auto found = steered_.find({key, generation});
    return found != steered_.end() && found->second.for_now;
  }
  // A client has been shown so much of this life of the key.
  void seen(const std::string& key, std::uint64_t since, std::uint64_t sequence) {
    std::uint64_t& last = seen_[{key, since}];
    last = std::max(last, sequence);
  }

  const Claim* find(const std::string& claim_id) const {
    const auto found = claims_.find(claim_id);
    return found == claims_.end() ? nullptr : &found->second;
  }
  const v1::Operation* operation(const std::string& key, std::uint64_t generation,
                                 std::uint64_t op) const {
    const auto found = operations_.find({key, generation});
    if (found == operations_.end()) return nullptr;
    const auto one = found->second.find(op);
    return one == found->second.end() ? nullptr : &one->second;
  }
  static bool ends(const v1::Operation& operation) {
    return operation.has_detach() || operation.has_close() || operation.has_fail();
  }
  // Whether its owner has ever asked to be rid of this generation.
  bool let_go(const std::string& key, std::uint64_t generation) const {
    const auto found = operations_.find({key, generation});
    if (found == operations_.end()) return false;
    return std::any_of(found->second.begin(), found->second.end(),
                       [](const auto& one) { return ends(one.second); });
  }
  std::uint64_t seen(const std::string& key, std::uint64_t since) const {
    const auto found = seen_.find({key, since});
    return found == seen_.end() ? 0 : found->second;
  }

 private:
  using Id = std::pair<std::string, std::uint64_t>;  // key and generation
  Run& run_;
  std::unordered_map<std::string, Claim> claims_;
  std::map<Id, std::map<std::uint64_t, v1::Operation>> operations_;
  std::map<Id, std::uint64_t> seen_;
  struct Steered {
    bool for_good = false;
    bool for_now = false;
  };
  std::map<Id, Steered> steered_;
};

}  // namespace interlock::sim
