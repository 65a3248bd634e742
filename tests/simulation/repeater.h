// Copies of what gateways have said, which arrive once more as unary calls: later, twice, out of
// order, at any coordinator.
#pragma once

#include <deque>
#include <string>

#include "interlock/v1/gateway.pb.h"
#include "tests/simulation/network.h"

namespace interlock::sim {

class Repeater {
 public:
  Repeater(Run& run, Network& network, std::size_t coordinators)
      : run_(run), network_(network), coordinators_(coordinators) {}

  void keep(const v1::AttachRequest& message);

 private:
  void repeat(const std::string& key, Command command);

  Run& run_;
  Network& network_;
  const std::size_t coordinators_;
  std::deque<std::pair<std::string, Command>> kept_;  // the latest ones, oldest first
};

}  // namespace interlock::sim
