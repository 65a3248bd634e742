#include "tests/simulation/swarm.h"

namespace interlock::sim {

void Swarm::occasionally(Dice& dice, Fault fault, double probability) {
  const double strength = dice.chance(0.5) ? 0.1 + 0.9 * dice.unit() : 0;
  probability_[static_cast<std::size_t>(fault)] = probability * strength;
}

void Swarm::by_itself(Dice& dice, Fault fault, double mean_s) {
  const double strength = dice.chance(0.45) ? 0.15 + 0.85 * dice.unit() : 0;
  mean_us_[static_cast<std::size_t>(fault)] = strength > 0 ? mean_s * 1e6 / strength : 0;
}

Swarm::Swarm(Dice& dice, std::uint64_t seed) {
  coordinators = dice.chance(0.25) ? 3 : 2;
  gateways = dice.between(2, 4);
  keys = dice.between(1, 3);
  callers = dice.below(3);
  has_backend = dice.chance(0.75);
  latency_us = dice.spread(200, 8'000);
  think_us = dice.spread(400'000, 3'000'000);
  publish_us = dice.spread(200'000, 2'000'000);
  outbox_events_max = dice.chance(0.3) ? 12 : 200;
  faults_for_us = dice.between(60, 100) * 1'000'000;
  takeovers_per_minute = dice.chance(0.3) ? 10 : 600;
  with_attempt = dice.chance(0.2) ? 0.4 : 0.95;
  real_times = seed % 16 == 0;
  if (real_times) {
    lease_ttl_ticks = 15;
    heartbeat_ms = 5'000;
    hold_after_ms = 10'000;
    give_up_after_ms = 20'000;
    resume_window_ticks = 120;
    setup_timeout_ticks = 30;
    retention_ticks = 600;
    faults_for_us = 240'000'000;
    think_us *= 2;
  }

  occasionally(dice, Fault::kCommitSlow, 0.1);
  occasionally(dice, Fault::kCommitFailed, 0.03);
  occasionally(dice, Fault::kUnknownApplied, 0.03);
  occasionally(dice, Fault::kUnknownLost, 0.03);
  occasionally(dice, Fault::kUnknownLate, 0.06);
  occasionally(dice, Fault::kFeedLag, 0.5);
  occasionally(dice, Fault::kStatesSkipped, 1);
  occasionally(dice, Fault::kShortRead, 1);
  occasionally(dice, Fault::kLateUp, 0.7);
  occasionally(dice, Fault::kLateDown, 0.7);
  occasionally(dice, Fault::kConnectLost, 0.2);
  occasionally(dice, Fault::kUnaryLost, 0.1);
  occasionally(dice, Fault::kAnswerLost, 0.1);
  occasionally(dice, Fault::kRepeated, 0.25);
  occasionally(dice, Fault::kReordered, 1);
  occasionally(dice, Fault::kStreamCutUnnoticed, 0.5);
  occasionally(dice, Fault::kHelloLost, 0.2);
  occasionally(dice, Fault::kSocketLostUnnoticed, 0.5);
  occasionally(dice, Fault::kBackendSlow, 0.1);
  occasionally(dice, Fault::kBackendAnswerLost, 0.1);
  occasionally(dice, Fault::kMessageEarly, 0.3);
  occasionally(dice, Fault::kClockRate, 1);
  occasionally(dice, Fault::kDuplicateRejected, 0.2);
  occasionally(dice, Fault::kCoordinatorCrashMidway, 1);
  occasionally(dice, Fault::kGatewayCrashMidway, 1);

  by_itself(dice, Fault::kFeedLost, 4);
  by_itself(dice, Fault::kPositionsForgotten, 5);
  by_itself(dice, Fault::kStoreAwayFailed, 12);
  by_itself(dice, Fault::kStoreAwayUnknown, 12);
  by_itself(dice, Fault::kStoreAwayForAll, 25);
  by_itself(dice, Fault::kNewerBuild, 4);
  by_itself(dice, Fault::kCoordinatorCrash, 12);
  by_itself(dice, Fault::kCoordinatorPause, 12);
  by_itself(dice, Fault::kCoordinatorDrain, 25);
  by_itself(dice, Fault::kGatewayCrash, 12);
  by_itself(dice, Fault::kGatewayPause, 12);
  by_itself(dice, Fault::kGatewayDrain, 25);
  by_itself(dice, Fault::kWallStep, 6);
  by_itself(dice, Fault::kStreamCut, 4);
  by_itself(dice, Fault::kClog, 8);
  by_itself(dice, Fault::kPartitionUp, 10);
  by_itself(dice, Fault::kPartitionDown, 10);
  by_itself(dice, Fault::kBackendDown, 15);
  by_itself(dice, Fault::kPageCopied, 12);
  by_itself(dice, Fault::kOldAttempt, 6);
  by_itself(dice, Fault::kFight, 10);
  by_itself(dice, Fault::kSocketDropped, 3);
  by_itself(dice, Fault::kPageReloaded, 5);
  by_itself(dice, Fault::kClientDone, 6);
  by_itself(dice, Fault::kKickForGood, 25);
  by_itself(dice, Fault::kKickForNow, 8);
  by_itself(dice, Fault::kReleased, 10);
}

}  // namespace interlock::sim
