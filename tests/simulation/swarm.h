// What one seed is made of: how many of everything, how long everything takes, and which faults
// happen how often. Each seed has some of the faults only ("swarm testing"): where everything fails
// at once, nothing interesting gets far enough to fail.
#pragma once

#include <array>
#include <cstdint>

#include "tests/simulation/dice.h"
#include "tests/simulation/faults.h"

namespace interlock::sim {

class Swarm {
 public:
  Swarm(Dice& dice, std::uint64_t seed);

  // Of one occasion (a message, a commit, an action of a client).
  double probability(Fault fault) const { return probability_[static_cast<std::size_t>(fault)]; }
  // Between two faults that come by themselves; 0: never in this seed.
  double mean_us(Fault fault) const { return mean_us_[static_cast<std::size_t>(fault)]; }

  // ---- how many ----
  std::size_t coordinators = 2;
  std::size_t gateways = 3;
  std::size_t keys = 3;
  std::size_t callers = 1;       // that claim by unary calls
  std::uint64_t faults_for_us = 60'000'000;

  // ---- how long ----
  bool real_times = false;       // the program's defaults
  std::uint64_t lease_ttl_ticks = 5;
  std::uint64_t heartbeat_ms = 1'000;
  std::uint64_t hold_after_ms = 3'000;
  std::uint64_t give_up_after_ms = 5'000;
  std::uint64_t resume_window_ticks = 10;
  std::uint64_t setup_timeout_ticks = 6;
  std::uint64_t retention_ticks = 12;
  std::uint64_t takeovers_per_minute = 600;
  std::uint64_t latency_us = 1'000;
  std::uint64_t think_us = 1'500'000;  // of a page between two actions
  std::uint64_t publish_us = 700'000;
  std::uint64_t outbox_events_max = 60;
  bool has_backend = true;
  double with_attempt = 0.9;     // of the pages, those that send attempts

  std::uint64_t ttl_us() const { return lease_ttl_ticks * 1'000'000; }

 private:
  void occasionally(Dice& dice, Fault fault, double probability);
  void by_itself(Dice& dice, Fault fault, double mean_s);

  std::array<double, static_cast<std::size_t>(Fault::kCount)> probability_{};
  std::array<double, static_cast<std::size_t>(Fault::kCount)> mean_us_{};
};

}  // namespace interlock::sim
