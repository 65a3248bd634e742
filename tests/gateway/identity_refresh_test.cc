#include "gateway/identity_refresh.h"

#include <gtest/gtest.h>

namespace interlock {
namespace {

constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t now = 1'700'000'000'000;
constexpr std::int64_t end = now + 60 * minute_ms;

TEST(IdentityRefresh, AsksAtOnceAsLongAsThereIsNothing) {
  const IdentityRefresh refresh;
  EXPECT_EQ(refresh.due_ms(), 0);
  EXPECT_FALSE(refresh.usable(now));
}

TEST(IdentityRefresh, AsksTenMinutesAheadOfTheEndGiveOrTakeAMinute) {
  IdentityRefresh refresh;
  refresh.fetched(end, now, 0);
  EXPECT_EQ(refresh.due_ms(), end - 10 * minute_ms);
  refresh.fetched(end, now, 0.999999);
  EXPECT_LT(refresh.due_ms(), end - 10 * minute_ms - 59'000);
  EXPECT_GE(refresh.due_ms(), end - 11 * minute_ms);
}

TEST(IdentityRefresh, OfATokenThatIsHalfOverAlreadyItWaitsForHalfOfTheRest) {
  IdentityRefresh refresh;
  refresh.fetched(now + 4 * minute_ms, now, 0);
  EXPECT_EQ(refresh.due_ms(), now + 2 * minute_ms);
}

TEST(IdentityRefresh, NeverAsksInATightLoop) {
  IdentityRefresh refresh;
  for (const std::int64_t expires_at_ms : {now - minute_ms, now, now + 1, now + 1000}) {
    refresh.fetched(expires_at_ms, now, 0.9);
    EXPECT_GE(refresh.due_ms(), now + 1'000) << expires_at_ms - now;
  }
}

TEST(IdentityRefresh, AFailureLeavesTheTokenUntilItReallyEnds) {
  IdentityRefresh refresh;
  refresh.fetched(end, now, 0);
  refresh.failed(end - 10 * minute_ms, 0.5);
  EXPECT_EQ(refresh.due_ms(), end - 10 * minute_ms + 500);
  EXPECT_TRUE(refresh.usable(end - 1));
  EXPECT_TRUE(refresh.usable(end + 29'999));  // our clock may be ahead
  EXPECT_FALSE(refresh.usable(end + 30'000));
}

TEST(IdentityRefresh, FailuresComeFurtherApartUpToAMinute) {
  IdentityRefresh refresh;
  std::int64_t longest_ms = 0;
  for (int i = 0; i < 20; ++i) {
    refresh.failed(now, 1);
    EXPECT_GE(refresh.due_ms() - now, longest_ms);
    longest_ms = refresh.due_ms() - now;
  }
  EXPECT_EQ(longest_ms, minute_ms);
  refresh.fetched(end, now, 0);
  refresh.failed(now, 1);
  EXPECT_EQ(refresh.due_ms(), now + 1'000);
}

TEST(IdentityRefresh, ARefusedTokenIsAskedForAnewOnceInHalfAMinute) {
  IdentityRefresh refresh;
  refresh.fetched(end, now, 0);
  EXPECT_TRUE(refresh.refused(now + 5));
  EXPECT_EQ(refresh.due_ms(), now + 5);
  refresh.fetched(end, now + 10, 0);
  EXPECT_FALSE(refresh.refused(now + 20));
  EXPECT_EQ(refresh.due_ms(), end - 10 * minute_ms);
  EXPECT_TRUE(refresh.refused(now + 30'005));
  EXPECT_EQ(refresh.due_ms(), now + 30'005);
}

}  // namespace
}  // namespace interlock
