// One gateway's lease, from its first day to the end of its tombstone.
#include "coordinator/authority/lease.h"

#include <gtest/gtest.h>

namespace interlock {
namespace {

constexpr LeaseLimits kLimits{.ttl_ticks = 15, .tombstone_ticks = 100};

LeaseDecision decide(const std::optional<Lease>& lease, LeaseAct act, Tick tick) {
  return decide_lease(lease, act, tick, kLimits);
}
Lease renewed_at(Tick tick) { return {.renewed_tick = tick, .address = "here", .unknown = "new"}; }
Lease expired_at(Tick tick) { return {.renewed_tick = tick, .expired = true}; }

TEST(Lease, BeginsWithAttachingAndNeverWithAHeartbeat) {
  const LeaseDecision begun = decide(std::nullopt, LeaseAct::kBegin, 7);
  EXPECT_EQ(begun.fate, LeaseFate::kAlive);
  ASSERT_TRUE(begun.lease);
  EXPECT_EQ(begun.lease->renewed_tick, 7u);
  for (const LeaseAct act : {LeaseAct::kRenew, LeaseAct::kExpire, LeaseAct::kForget}) {
    const LeaseDecision nothing = decide(std::nullopt, act, 7);
    EXPECT_EQ(nothing.fate, LeaseFate::kUnknown);
    EXPECT_FALSE(nothing.lease || nothing.remove);
  }
}

TEST(Lease, IsRenewedByAHeartbeatAndKeepsWhatItDoesNotKnow) {
  const LeaseDecision again = decide(renewed_at(7), LeaseAct::kRenew, 9);
  ASSERT_TRUE(again.lease);
  Lease expected = renewed_at(9);
  EXPECT_EQ(*again.lease, expected);
}

TEST(Lease, IsNeverTakenBackByACoordinatorThatLagsBehind) {
  const LeaseDecision late = decide(renewed_at(9), LeaseAct::kRenew, 7);
  EXPECT_EQ(late.fate, LeaseFate::kAlive);
  EXPECT_FALSE(late.lease);
}

TEST(Lease, ExpiresOnlyWhenMoreThanOneTtlOfTicksHasPassed) {
  EXPECT_FALSE(decide(renewed_at(10), LeaseAct::kExpire, 25).lease);
  const LeaseDecision over = decide(renewed_at(10), LeaseAct::kExpire, 26);
  EXPECT_EQ(over.fate, LeaseFate::kExpired);
  ASSERT_TRUE(over.lease);
  EXPECT_TRUE(over.lease->expired);
  EXPECT_EQ(over.lease->unknown, "new");
}

TEST(Lease, NeverComesBackOnceItHasExpired) {
  for (const LeaseAct act : {LeaseAct::kBegin, LeaseAct::kRenew, LeaseAct::kExpire}) {
    const LeaseDecision decision = decide(expired_at(10), act, 1'000);
    EXPECT_EQ(decision.fate, LeaseFate::kExpired);
    EXPECT_FALSE(decision.lease || decision.remove);
  }
}

TEST(Lease, IsForgottenWhenItsTombstoneHasStoodLongEnough) {
  EXPECT_FALSE(decide(expired_at(10), LeaseAct::kForget, 125).remove);
  EXPECT_TRUE(decide(expired_at(10), LeaseAct::kForget, 126).remove);
  EXPECT_FALSE(decide(renewed_at(10), LeaseAct::kForget, 1'000).remove) << "it has not expired";
}

}  // namespace
}  // namespace interlock
