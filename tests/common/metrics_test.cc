#include "common/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace interlock {
namespace {

using testing::HasSubstr;

TEST(Metrics, AreRenderedInTheTextFormat) {
  Metrics metrics;
  metrics.counter("interlock_claims_total", "Claims granted.").Increment(3);
  metrics.gauge("interlock_sessions", "Sessions now.", {{"state", "IDLE"}}).Set(2);
  metrics.histogram("interlock_commit_seconds", "Commits.", {0.1, 1}).Observe(0.5);
  const std::string text = metrics.render();
  EXPECT_THAT(text, HasSubstr("# HELP interlock_claims_total Claims granted.\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE interlock_claims_total counter\n"));
  EXPECT_THAT(text, HasSubstr("interlock_claims_total 3\n"));
  EXPECT_THAT(text, HasSubstr("interlock_sessions{state=\"IDLE\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("interlock_commit_seconds_bucket{le=\"0.1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("interlock_commit_seconds_bucket{le=\"1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("interlock_commit_seconds_count 1\n"));
}

TEST(Metrics, AFamilyHasOneMetricForEachSetOfLabels) {
  Metrics metrics;
  auto& closes = metrics.counters("interlock_closes_total", "Closes by code.");
  closes.Add({{"code", "1000"}}).Increment();
  closes.Add({{"code", "1011"}}).Increment();
  closes.Add({{"code", "1011"}}).Increment();
  EXPECT_THAT(metrics.render(), HasSubstr("interlock_closes_total{code=\"1000\"} 1\n"));
  EXPECT_THAT(metrics.render(), HasSubstr("interlock_closes_total{code=\"1011\"} 2\n"));
}

TEST(Metrics, TheSameNameIsTheSameMetric) {
  Metrics metrics;
  auto& first = metrics.counter("interlock_claims_total", "Claims.");
  EXPECT_EQ(&first, &metrics.counter("interlock_claims_total", "Claims."));
  EXPECT_EQ(&metrics.counters("interlock_claims_total", "Claims."),
            &metrics.counters("interlock_claims_total", "Claims."));
}

TEST(Metrics, ANameThatIsNotLegalIsABug) {
  Metrics metrics;
  EXPECT_THROW(metrics.counter("interlock claims", "Claims."), std::invalid_argument);
}

TEST(Metrics, ANameHasOneType) {
  Metrics metrics;
  metrics.counter("interlock_claims_total", "Claims.");
  EXPECT_THROW(metrics.gauge("interlock_claims_total", "Claims."), std::invalid_argument);
}

TEST(Metrics, TwoProgramsInOneProcessDoNotShareAnything) {
  Metrics one;
  Metrics two;
  one.counter("interlock_claims_total", "Claims.").Increment();
  EXPECT_EQ(two.render(), "");
}

}  // namespace
}  // namespace interlock
