#include "gateway/backend_attempts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace interlock {
namespace {

using testing::Optional;

TEST(BackendAttempts, WhatWasNotReachedIsTriedAgainWithFullJitter) {
  BackendAttempts attempts({.retry_initial_ms = 100, .retry_max_ms = 300});
  auto call = attempts.begin(0, 10'000);
  for (const std::uint64_t ceiling_ms : {100, 200, 300, 300}) {
    ASSERT_TRUE(attempts.may_try(call, 0));
    EXPECT_THAT(attempts.tried(call, AttemptOutcome::kNotReached, 0, 0.5),
                Optional(ceiling_ms / 2));
  }
}

TEST(BackendAttempts, AnAnswerOrAnOverloadIsNotTriedAgain) {
  BackendAttempts attempts({});
  auto call = attempts.begin(0, 10'000);
  ASSERT_TRUE(attempts.may_try(call, 0));
  EXPECT_EQ(attempts.tried(call, AttemptOutcome::kAnswered, 0, 0), std::nullopt);
  ASSERT_TRUE(attempts.may_try(call, 0));
  EXPECT_EQ(attempts.tried(call, AttemptOutcome::kOverloaded, 0, 0), std::nullopt);
}

TEST(BackendAttempts, NoRetryBeginsBehindTheDeadline) {
  BackendAttempts attempts({.retry_initial_ms = 100, .retry_max_ms = 100});
  auto call = attempts.begin(1'000, 500);
  ASSERT_TRUE(attempts.may_try(call, 1'000));
  EXPECT_THAT(attempts.tried(call, AttemptOutcome::kNotReached, 1'399, 1), Optional(100));
  ASSERT_TRUE(attempts.may_try(call, 1'000));
  EXPECT_EQ(attempts.tried(call, AttemptOutcome::kNotReached, 1'400, 1), std::nullopt);
}

TEST(BackendAttempts, RetriesAreATenthOfTheCallsAndAFewMore) {
  BackendAttempts attempts({.breaker = {.failures_max = 1'000'000}});
  int retries = 0;
  for (int each = 0; each < 1'000; ++each) {
    auto call = attempts.begin(0, 10'000);
    do {
      ASSERT_TRUE(attempts.may_try(call, 0));
    } while (attempts.tried(call, AttemptOutcome::kNotReached, 0, 0) && ++retries < 10'000);
  }
  EXPECT_GE(retries, 105);
  EXPECT_LE(retries, 110);
}

TEST(BackendAttempts, TheBreakerOpensAndAProbeClosesIt) {
  BackendAttempts attempts({.breaker = {.failures_max = 3, .open_initial_ms = 100}});
  auto call = attempts.begin(0, 10'000);
  for (int failed = 0; failed < 3; ++failed) {
    ASSERT_TRUE(attempts.may_try(call, 0));
    attempts.tried(call, AttemptOutcome::kOverloaded, 0, 0);
  }
  EXPECT_FALSE(attempts.may_try(call, 0));
  EXPECT_TRUE(attempts.may_try(call, 100));
  auto other = attempts.begin(100, 10'000);
  EXPECT_FALSE(attempts.may_try(other, 100));  // one probe at a time
  attempts.withdrawn(call);                    // it was given up without an outcome
  EXPECT_TRUE(attempts.may_try(other, 100));
  attempts.tried(other, AttemptOutcome::kAnswered, 100, 0);
  EXPECT_EQ(attempts.breaker().state(100), Breaker::State::kClosed);
}

}  // namespace
}  // namespace interlock
