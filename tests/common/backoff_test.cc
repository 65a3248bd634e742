#include "common/backoff.h"

#include <gtest/gtest.h>

namespace interlock {
namespace {

TEST(Backoff, TheCeilingDoublesUntilTheMaximum) {
  Backoff backoff(100, 1000);
  EXPECT_EQ(backoff.next(1.0), 100);
  EXPECT_EQ(backoff.next(1.0), 200);
  EXPECT_EQ(backoff.next(1.0), 400);
  EXPECT_EQ(backoff.next(1.0), 800);
  EXPECT_EQ(backoff.next(1.0), 1000);
  EXPECT_EQ(backoff.next(1.0), 1000);
}

TEST(Backoff, JitterReachesFromNothingToTheCeiling) {
  Backoff backoff(100, 100);
  EXPECT_EQ(backoff.next(0.0), 0);
  EXPECT_EQ(backoff.next(0.5), 50);
  EXPECT_EQ(backoff.next(1.0), 100);
}

TEST(Backoff, ResetBeginsAgain) {
  Backoff backoff(100, 1000);
  backoff.next(0.3);
  backoff.next(0.3);
  backoff.reset();
  EXPECT_EQ(backoff, Backoff(100, 1000));
  EXPECT_EQ(backoff.next(1.0), 100);
}

TEST(Backoff, NeverOverflows) {
  constexpr std::int64_t longest = INT64_MAX;
  Backoff backoff(1, longest);
  for (int i = 0; i < 100; ++i) EXPECT_GE(backoff.next(0.9), 0);
  EXPECT_EQ(backoff.next(0.0), 0);
}

TEST(Backoff, IsKnownAtCompileTime) {
  constexpr auto third = [] {
    Backoff backoff(10, 10'000);
    backoff.next(0.1);
    backoff.next(0.9);
    return backoff.next(1.0);
  }();
  static_assert(third == 40);
}

}  // namespace
}  // namespace interlock
