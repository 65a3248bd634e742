#include "gateway/lease.h"

#include <gtest/gtest.h>

namespace interlock {
namespace {

// A gateway that holds 10 s after its last confirmed heartbeat was sent, and gives up 20 s later.
class LeaseStory : public testing::Test {
 protected:
  void at(std::uint64_t seconds) { at_ms(seconds * 1'000); }
  void at_ms(std::uint64_t ms) {
    now_ms = ms;
    lease.pass(now_ms);
  }
  // Time goes by as it does for a process that runs: it is woken whenever it asked to be.
  void run_to(std::uint64_t seconds) {
    while (lease.wake_at_ms() < seconds * 1'000) at_ms(lease.wake_at_ms());
    at(seconds);
  }
  void send(std::uint64_t number) { lease.heartbeat_sent(number, now_ms); }
  void confirm(std::uint64_t number) {
    lease.heard(now_ms);
    lease.heartbeat_confirmed(number);
    lease.pass(now_ms);
  }
  bool may_act() const { return lease.may_act(now_ms); }

  AttachmentLimits limits{.hold_after_ms = 10'000, .give_up_after_ms = 20'000};
  Lease lease{limits};
  std::uint64_t now_ms = 0;
};

TEST_F(LeaseStory, ANewGatewayHoldsUntilItsFirstHeartbeatIsConfirmed) {
  at(100);
  EXPECT_FALSE(may_act());
  EXPECT_EQ(lease.act_until_ms(), 0u);
  send(1);
  EXPECT_FALSE(may_act());
  at_ms(100'020);
  confirm(1);
  EXPECT_TRUE(may_act());
}

TEST_F(LeaseStory, ItCountsFromTheSendingAndNotFromTheConfirmation) {
  at(100);
  send(1);
  at(104);
  confirm(1);
  EXPECT_EQ(lease.act_until_ms(), 110'000u);
  EXPECT_EQ(lease.wake_at_ms(), 110'000u);
  at_ms(109'999);
  EXPECT_TRUE(may_act());
  at(110);
  EXPECT_FALSE(may_act());
}

TEST_F(LeaseStory, AConfirmationThatComesLateIsWorthWhatIsLeftOfIt) {
  at(100);
  send(1);
  at(109);
  confirm(1);
  EXPECT_TRUE(may_act());
  at(110);
  EXPECT_FALSE(may_act());
  send(2);
  at(121);
  confirm(2);  // sent 11 s ago
  EXPECT_FALSE(may_act());
}

TEST_F(LeaseStory, EachConfirmationCountsForTheHeartbeatThatItNames) {
  at(100);
  send(1);
  at(105);
  send(2);
  at(106);
  confirm(1);
  EXPECT_EQ(lease.act_until_ms(), 110'000u);
  confirm(2);
  EXPECT_EQ(lease.act_until_ms(), 115'000u);
  confirm(1);  // once more, late
  EXPECT_EQ(lease.act_until_ms(), 115'000u);
  confirm(7);  // was never sent
  EXPECT_EQ(lease.act_until_ms(), 115'000u);
}

TEST_F(LeaseStory, AHeartbeatOfAnEarlierStreamIsNotConfirmedByALaterOne) {
  at(100);
  send(1);
  at(105);
  send(2);
  confirm(1);
  at(106);
  lease.stream_opened();
  confirm(2);
  EXPECT_EQ(lease.act_until_ms(), 110'000u);  // what was confirmed there stands
  send(3);
  confirm(3);
  EXPECT_EQ(lease.act_until_ms(), 116'000u);
}

TEST_F(LeaseStory, AloneForTwentySecondsOfHoldingItGivesUp) {
  at(100);
  send(1);
  confirm(1);
  run_to(129);
  EXPECT_FALSE(may_act());
  EXPECT_FALSE(lease.given_up());
  run_to(130);
  EXPECT_TRUE(lease.given_up());
}

TEST_F(LeaseStory, AsLongAsACoordinatorSaysAnythingItHoldsOn) {
  at(100);
  send(1);
  confirm(1);
  for (std::uint64_t second = 110; second < 600; second += 15) {
    run_to(second);
    EXPECT_FALSE(may_act());
    EXPECT_FALSE(lease.given_up());
    lease.heard(now_ms);  // "store away", perhaps
  }
  const std::uint64_t last = now_ms / 1'000;
  run_to(last + 19);
  EXPECT_FALSE(lease.given_up());
  run_to(last + 20);
  EXPECT_TRUE(lease.given_up());
}

TEST_F(LeaseStory, AThawedProcessMayNotActAndHasNotGivenUpYet) {
  at(100);
  send(1);
  confirm(1);
  at(500);  // nothing in between
  EXPECT_FALSE(may_act());
  EXPECT_FALSE(lease.given_up());
  run_to(519);
  EXPECT_FALSE(lease.given_up());
  send(2);
  confirm(2);
  EXPECT_TRUE(may_act());
}

TEST_F(LeaseStory, TimeForWhichItStoodStillDuringAHoldDoesNotCount) {
  at(100);
  send(1);
  confirm(1);
  run_to(115);
  at(400);
  EXPECT_FALSE(lease.given_up());
  run_to(419);
  EXPECT_FALSE(lease.given_up());
  run_to(420);
  EXPECT_TRUE(lease.given_up());
}

TEST_F(LeaseStory, ItHoldsBeforeTheCoordinatorsTtlIsOverWhateverTheFlagSays) {
  lease.ttl_named(15'000);
  EXPECT_EQ(lease.hold_after_ms(), 10'000u);
  EXPECT_FALSE(lease.shortened());
  lease.ttl_named(10'000);
  EXPECT_TRUE(lease.shortened());
  EXPECT_EQ(lease.hold_after_ms(), 6'667u);
  at(100);
  send(1);
  confirm(1);
  EXPECT_EQ(lease.act_until_ms(), 106'667u);
  lease.ttl_named(0);  // one that does not say
  EXPECT_EQ(lease.hold_after_ms(), 10'000u);
}

TEST_F(LeaseStory, UnderAnotherIdNothingOfTheFirstCounts) {
  at(100);
  send(1);
  at(105);
  send(2);
  confirm(1);
  lease.begin_anew();
  EXPECT_FALSE(may_act());
  confirm(2);
  EXPECT_FALSE(may_act());
  EXPECT_FALSE(lease.given_up());
  send(3);
  confirm(3);
  EXPECT_TRUE(may_act());
}

TEST_F(LeaseStory, WhatIsNeverConfirmedTakesNoMoreAndMoreRoom) {
  at(100);
  for (std::uint64_t number = 1; number <= 10'000; ++number) send(number);
  confirm(1);  // forgotten long ago
  EXPECT_FALSE(may_act());
  confirm(10'000);
  EXPECT_TRUE(may_act());
}

}  // namespace
}  // namespace interlock
