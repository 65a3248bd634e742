// Everything that can go wrong, by name, and how often it really did.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace interlock::sim {

enum class Fault : std::uint8_t {
  kCommitSlow, kCommitFailed, kUnknownApplied, kUnknownLost, kUnknownLate,
  kFeedLag, kStatesSkipped, kShortRead, kFeedLost, kPositionsForgotten,
  kStoreAwayFailed, kStoreAwayUnknown, kStoreAwayForAll, kNewerBuild,
  kCoordinatorCrash, kCoordinatorCrashMidway, kCoordinatorPause, kCoordinatorDrain,
  kGatewayCrash, kGatewayCrashMidway, kGatewayPause, kGatewayDrain,
  kClockRate, kWallStep,
  kStreamCut, kStreamCutUnnoticed, kLateUp, kLateDown, kClog, kPartitionUp, kPartitionDown,
  kConnectLost, kUnaryLost, kAnswerLost, kRepeated, kReordered,
  kSocketDropped, kSocketLostUnnoticed, kHelloLost, kPageReloaded, kPageCopied, kOldAttempt,
  kClientDone, kFight, kDuplicateRejected, kMessageEarly,
  kBackendDown, kBackendSlow, kBackendAnswerLost,
  kKickForGood, kKickForNow, kReleased,
  kCount
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Fault::kCount)> kFaultNames{
    "commit_slow", "commit_failed", "unknown_applied", "unknown_lost", "unknown_late",
    "feed_lag", "states_skipped", "short_read", "feed_lost", "positions_forgotten",
    "store_away_failed", "store_away_unknown", "store_away_for_all", "newer_build",
    "coordinator_crash", "coordinator_crash_midway", "coordinator_pause", "coordinator_drain",
    "gateway_crash", "gateway_crash_midway", "gateway_pause", "gateway_drain",
    "clock_rate", "wall_step",
    "stream_cut", "stream_cut_unnoticed", "late_up", "late_down", "clog", "partition_up",
    "partition_down",
    "connect_lost", "unary_lost", "answer_lost", "repeated", "reordered",
    "socket_dropped", "socket_lost_unnoticed", "hello_lost", "page_reloaded", "page_copied",
    "old_attempt",
    "client_done", "fight", "duplicate_rejected", "message_early",
    "backend_down", "backend_slow", "backend_answer_lost",
    "kick_for_good", "kick_for_now", "released"};

constexpr std::string_view name_of(Fault fault) {
  return kFaultNames[static_cast<std::size_t>(fault)];
}

class FaultCounts {
 public:
  void add(Fault fault) { ++counts_[static_cast<std::size_t>(fault)]; }
  std::uint64_t of(Fault fault) const { return counts_[static_cast<std::size_t>(fault)]; }
  void add(const FaultCounts& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  }

 private:
  std::array<std::uint64_t, static_cast<std::size_t>(Fault::kCount)> counts_{};
};

}  // namespace interlock::sim
