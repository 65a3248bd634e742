#include "gateway/breaker.h"

#include <gtest/gtest.h>

#include <random>

namespace interlock {
namespace {

using State = Breaker::State;

constexpr BreakerLimits limits{.failures_max = 3,
                               .open_initial_ms = 1000,
                               .open_max_ms = 4000,
                               .probes_max = 1,
                               .probes_to_close = 1,
                               .probe_timeout_ms = 10'000};
constexpr double latest = 0.999999;

// Fails as often as it takes to open. The calls were made and answered at now_ms.
void fail_until_open(Breaker& breaker, std::uint64_t now_ms, double random = 0) {
  while (const auto permit = breaker.allow(now_ms)) breaker.failed(*permit, now_ms, random);
}

TEST(Breaker, LetsEverybodyAskWhileAnswersCome) {
  Breaker breaker(limits);
  for (int i = 0; i < 100; ++i) {
    const auto permit = breaker.allow(0);
    ASSERT_TRUE(permit);
    breaker.succeeded(*permit);
  }
  EXPECT_EQ(breaker.state(0), State::kClosed);
  EXPECT_EQ(breaker.wait_ms(0), 0U);
}

TEST(Breaker, OpensWithTheLastOfSeveralFailuresInARow) {
  Breaker breaker(limits);
  breaker.failed(*breaker.allow(0), 0, 0);
  breaker.failed(*breaker.allow(0), 0, 0);
  EXPECT_EQ(breaker.state(0), State::kClosed);
  breaker.failed(*breaker.allow(0), 0, 0);
  EXPECT_EQ(breaker.state(0), State::kOpen);
  EXPECT_FALSE(breaker.allow(0));
  EXPECT_EQ(breaker.times_opened(), 1U);
}

TEST(Breaker, OneSuccessInBetweenStartsTheCountAnew) {
  Breaker breaker(limits);
  for (int i = 0; i < 10; ++i) {
    breaker.failed(*breaker.allow(0), 0, 0);
    breaker.failed(*breaker.allow(0), 0, 0);
    breaker.succeeded(*breaker.allow(0));
  }
  EXPECT_EQ(breaker.state(0), State::kClosed);
}

TEST(Breaker, LetsOneProbeThroughWhenItHasBeenOpenLongEnough) {
  Breaker breaker(limits);
  fail_until_open(breaker, 0);
  EXPECT_EQ(breaker.wait_ms(0), 500U);
  EXPECT_FALSE(breaker.allow(499));
  EXPECT_EQ(breaker.state(499), State::kOpen);
  EXPECT_EQ(breaker.state(500), State::kHalfOpen);
  EXPECT_TRUE(breaker.allow(500));
  EXPECT_FALSE(breaker.allow(500));
  EXPECT_FALSE(breaker.allow(5000));
}

TEST(Breaker, ClosesWhenTheProbeIsAnswered) {
  Breaker breaker(limits);
  fail_until_open(breaker, 0);
  breaker.succeeded(*breaker.allow(500));
  EXPECT_EQ(breaker.state(500), State::kClosed);
  EXPECT_TRUE(breaker.allow(500));
  EXPECT_TRUE(breaker.allow(500));
}

TEST(Breaker, StaysOpenTwiceAsLongAfterEachFailedProbeUpToTheMost) {
  Breaker breaker(limits);
  std::uint64_t now_ms = 0;
  fail_until_open(breaker, now_ms, latest);
  for (const std::uint64_t whole_ms : {1000U, 2000U, 4000U, 4000U}) {
    EXPECT_NEAR(static_cast<double>(breaker.wait_ms(now_ms)), static_cast<double>(whole_ms), 1.0);
    now_ms += breaker.wait_ms(now_ms);
    breaker.failed(*breaker.allow(now_ms), now_ms, latest);
    EXPECT_EQ(breaker.state(now_ms), State::kOpen);
  }
}

TEST(Breaker, AfterItWasClosedItBeginsWithAShortWaitAgain) {
  Breaker breaker(limits);
  fail_until_open(breaker, 0);
  breaker.failed(*breaker.allow(500), 500, 0);
  EXPECT_EQ(breaker.wait_ms(500), 1000U);
  breaker.succeeded(*breaker.allow(1500));
  fail_until_open(breaker, 2000);
  EXPECT_EQ(breaker.wait_ms(2000), 500U);
}

TEST(Breaker, JitterIsHalfOfTheWait) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int i = 0; i < 1000; ++i) {
    Breaker breaker(limits);
    fail_until_open(breaker, 0, uniform(random));
    EXPECT_GE(breaker.wait_ms(0), 500U);
    EXPECT_LE(breaker.wait_ms(0), 1000U);
  }
}

TEST(Breaker, AnOutcomeFromBeforeItOpenedChangesNothing) {
  Breaker breaker(limits);
  const auto slow_failure = breaker.allow(0);
  const auto slow_success = breaker.allow(0);
  fail_until_open(breaker, 0);
  breaker.failed(*slow_failure, 400, 0);
  EXPECT_EQ(breaker.wait_ms(400), 100U);
  const auto probe = breaker.allow(500);
  breaker.succeeded(*slow_success);
  EXPECT_EQ(breaker.state(500), State::kHalfOpen);
  breaker.failed(*probe, 600, 0);
  EXPECT_EQ(breaker.state(600), State::kOpen);
}

TEST(Breaker, AWithdrawnProbeMakesRoomForAnother) {
  Breaker breaker(limits);
  fail_until_open(breaker, 0);
  breaker.withdrawn(*breaker.allow(500));
  EXPECT_TRUE(breaker.allow(501));
}

TEST(Breaker, AProbeWhoseOutcomeIsNeverToldDoesNotKeepItShutForEver) {
  Breaker breaker(limits);
  fail_until_open(breaker, 0);
  ASSERT_TRUE(breaker.allow(500));
  EXPECT_EQ(breaker.wait_ms(500), 10'000U);
  EXPECT_FALSE(breaker.allow(10'499));
  EXPECT_TRUE(breaker.allow(10'500));
}

TEST(Breaker, CanAskForSeveralProbesBeforeItCloses) {
  BreakerLimits careful = limits;
  careful.probes_max = 2;
  careful.probes_to_close = 3;
  Breaker breaker(careful);
  fail_until_open(breaker, 0);
  const auto first = breaker.allow(500);
  const auto second = breaker.allow(500);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(breaker.allow(500));
  breaker.succeeded(*first);
  breaker.succeeded(*second);
  EXPECT_EQ(breaker.state(500), State::kHalfOpen);
  breaker.succeeded(*breaker.allow(500));
  EXPECT_EQ(breaker.state(500), State::kClosed);
}

TEST(Breaker, OneFailedProbeOutweighsTheOthers) {
  BreakerLimits careful = limits;
  careful.probes_max = 2;
  Breaker breaker(careful);
  fail_until_open(breaker, 0);
  const auto first = breaker.allow(500);
  const auto second = breaker.allow(500);
  breaker.failed(*first, 500, 0);
  breaker.succeeded(*second);
  EXPECT_EQ(breaker.state(500), State::kOpen);
}

TEST(Breaker, SaysItsStateInTheWordsOfTheMetrics) {
  EXPECT_EQ(to_string(State::kClosed), "closed");
  EXPECT_EQ(to_string(State::kOpen), "open");
  EXPECT_EQ(to_string(State::kHalfOpen), "half_open");
}

}  // namespace
}  // namespace interlock
