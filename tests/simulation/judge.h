// Whether each change of a record was asked for by whoever may ask for it, at a time when it may
// be asked.
#pragma once

#include <functional>
#include <string>

#include "tests/simulation/leases.h"
#include "tests/simulation/said.h"
#include "tests/simulation/truth.h"

namespace interlock::sim {

class Judge {
 public:
  // `serves`: whether a living gateway has a session that holds this generation.
  using Serves = std::function<bool(const std::string& gateway, const std::string& key,
                                    Generation generation)>;
  Judge(Run& run, Truth& truth, const Said& said, const Leases& leases, Serves serves);

 private:
  void see(const Truth::Change& change);
  void judge_grant(const Truth::Change& change);
  void judge_order(const Truth::Change& change, const v1::ClaimRequest& claim);
  void judge_operations(const Truth::Change& change);
  void judge_steering(const Truth::Change& change);
  void judge_end_of_ownership(const Truth::Change& change);
  void judge_deadlines(const Truth::Change& change);
  void judge_acknowledged(const Truth::Change& change);

  Run& run_;
  const Said& said_;
  const Leases& leases_;
  Serves serves_;
};

}  // namespace interlock::sim
