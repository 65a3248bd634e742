#include "coordinator/engine/tick_clock.h"

#include <gtest/gtest.h>

#include "coordinator/engine/takeover_damper.h"

namespace interlock {
namespace {

TEST(TickClock, RunsOnlyWhileSomethingIsPending) {
  TickClock clock(1'000);
  EXPECT_FALSE(clock.due(1'000'000));
  EXPECT_FALSE(clock.old(1'000'000));
  EXPECT_EQ(clock.wake_at_ms(1'000'000), std::nullopt);
  clock.proved(1'000'000);
  clock.set_pending(true, 1'000'000);
  EXPECT_FALSE(clock.due(1'000'999)) << "the present tick has not stood for a second";
  EXPECT_EQ(clock.wake_at_ms(1'000'000), 1'001'000u);
  EXPECT_TRUE(clock.due(1'001'000));
}

TEST(TickClock, StandsForASecondWhoeverAdvancesIt) {
  TickClock clock(1'000);
  clock.set_pending(true, 0);
  EXPECT_TRUE(clock.seen(7, 900));
  EXPECT_FALSE(clock.seen(7, 950)) << "no news";
  EXPECT_FALSE(clock.seen(6, 960)) << "it never goes back";
  EXPECT_EQ(clock.tick(), 7u);
  EXPECT_FALSE(clock.due(1'899));
  EXPECT_TRUE(clock.due(1'900));
}

TEST(TickClock, AsksOnceAtATimeAndRestsAfterAFailure) {
  TickClock clock(1'000);
  clock.set_pending(true, 0);
  clock.asked(1'000);
  EXPECT_FALSE(clock.due(2'000));
  clock.answered(2'000, true);
  EXPECT_FALSE(clock.due(2'249));
  EXPECT_TRUE(clock.due(2'250));
}

TEST(TickClock, IsOldThreeTicksAfterItWasLastProvedAndLostWhenTheStoreDoesNotAnswer) {
  TickClock clock(1'000);
  clock.set_pending(true, 0);
  EXPECT_FALSE(clock.old(2'999));
  EXPECT_TRUE(clock.old(3'000));
  EXPECT_FALSE(clock.lost(10'000)) << "nobody has asked: this process may have slept";
  clock.asked(10'000);
  EXPECT_FALSE(clock.lost(10'999));
  EXPECT_EQ(clock.wake_at_ms(10'000), 11'000u);
  EXPECT_TRUE(clock.lost(11'000));
  EXPECT_EQ(clock.wake_at_ms(11'000), std::nullopt) << "nothing more to notice";
  clock.answered(11'500, false);
  EXPECT_FALSE(clock.old(11'500));
  EXPECT_TRUE(clock.old(13'000)) << "counted from when it was asked";
}

TEST(TickClock, AfterARestItIsAskedBeforeAnythingIsStamped) {
  TickClock clock(1'000);
  clock.set_pending(true, 60'000);
  EXPECT_TRUE(clock.old(60'000));
  EXPECT_TRUE(clock.due(60'000));
  EXPECT_TRUE(clock.only_looks(60'000)) << "the clock has not run for nothing";
  clock.asked(60'000);
  clock.answered(60'002, false);
  EXPECT_FALSE(clock.old(60'002));
}

TEST(TickClock, WhatTheFeedBringsProvesNothing) {
  TickClock clock(1'000);
  clock.set_pending(true, 0);
  // A feed that is steadily late shows a new tick every second, each of them of long ago.
  for (Tick tick = 1; tick <= 4; ++tick) {
    EXPECT_TRUE(clock.seen(tick, tick * 900));
    EXPECT_EQ(clock.due(tick * 900), tick >= 3) << "two ticks after it was last proved it asks";
  }
  EXPECT_TRUE(clock.only_looks(3'600)) << "the next tick is not due";
  EXPECT_TRUE(clock.old(3'600));
  clock.asked(3'600);
  clock.seen(40, 3'610);  // the refusal shows what stands there
  clock.answered(3'610, false);
  EXPECT_FALSE(clock.old(3'610));
}

TEST(TakeoverDamper, AllowsSoManyAMinuteAndSaysWhenToComeBack) {
  TakeoverDamper damper(10);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(damper.wait_ms("alice:1", 0), 0u) << i;
    damper.took_over("alice:1", 0);
  }
  EXPECT_EQ(damper.wait_ms("alice:1", 0), 6'000u);
  EXPECT_EQ(damper.wait_ms("alice:2", 0), 0u);
  EXPECT_EQ(damper.wait_ms("alice:1", 4'000), 2'000u);
  EXPECT_EQ(damper.wait_ms("alice:1", 6'000), 0u);
}

TEST(TakeoverDamper, KeepsNothingForKeysThatAreQuietAgain) {
  TakeoverDamper damper(10);
  damper.took_over("alice:1", 0);
  damper.forget(5'999);
  EXPECT_EQ(damper.keys(), 1u);
  damper.forget(6'000);
  EXPECT_EQ(damper.keys(), 0u);
  TakeoverDamper unlimited(0);
  for (int i = 0; i < 100; ++i) unlimited.took_over("alice:1", 0);
  EXPECT_EQ(unlimited.wait_ms("alice:1", 0), 0u);
}

}  // namespace
}  // namespace interlock
