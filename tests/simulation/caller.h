// Somebody who claims and operates by unary calls, without a stream or a session: it tries what no
// session ever would, and repeats with the same numbers what was not answered.
#pragma once

#include <map>
#include <string>

#include "tests/simulation/network.h"
#include "tests/simulation/said.h"

namespace interlock::sim {

class Caller {
 public:
  Caller(Run& run, Network& network, Said& said, std::string key)
      : run_(run), network_(network), said_(said), key_(std::move(key)) {
    begin_anew();
  }

  void act();
  void leave();  // asks for nothing any more

 private:
  void begin_anew();  // under another gateway id
  void claim();
  void ask_claim();
  void operate();
  void ask_operations();
  void claim_answered(const Answer& answer);
  void operations_answered(const Answer& answer);

  Run& run_;
  Network& network_;
  Said& said_;
  const std::string key_;
  std::string gateway_;
  v1::ClaimRequest claim_;
  Generation generation_ = 0;  // 0: not granted
  std::uint64_t last_op_ = 0;
  std::map<std::uint64_t, v1::Operation> unanswered_;
  std::map<std::uint64_t, v1::Operation> answered_;  // repeated now and then
  std::uint64_t tries_ = 0;
};

}  // namespace interlock::sim
