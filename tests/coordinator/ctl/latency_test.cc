#include "coordinator/ctl/latency.h"

#include <gtest/gtest.h>

#include <vector>

namespace interlock {
namespace {

v1::Latency latency(const std::vector<double>& bounds, const std::vector<std::uint64_t>& buckets) {
  v1::Latency latency;
  for (const double bound : bounds) latency.add_bounds_seconds(bound);
  for (const std::uint64_t bucket : buckets) latency.add_buckets(bucket);
  return latency;
}

TEST(Latency, AQuantileLiesWithinItsBucket) {
  const v1::Latency measured = latency({0.001, 0.01, 0.1}, {50, 40, 10, 0});
  EXPECT_DOUBLE_EQ(*quantile_seconds(measured, 0.5), 0.001);
  EXPECT_DOUBLE_EQ(*quantile_seconds(measured, 0.25), 0.0005);
  EXPECT_DOUBLE_EQ(*quantile_seconds(measured, 0.7), 0.0055);
  EXPECT_NEAR(*quantile_seconds(measured, 0.99), 0.091, 1e-9);
}

TEST(Latency, WhatLiesAboveTheLastBoundCountsAsIt) {
  EXPECT_DOUBLE_EQ(*quantile_seconds(latency({0.001}, {0, 5}), 0.99), 0.001);
}

TEST(Latency, NothingMeasuredOrNonsenseHasNoQuantile) {
  EXPECT_FALSE(quantile_seconds(v1::Latency(), 0.5));
  EXPECT_FALSE(quantile_seconds(latency({0.001}, {0, 0}), 0.5));
  EXPECT_FALSE(quantile_seconds(latency({0.001, 0.01}, {1, 2}), 0.5));
  EXPECT_EQ(format_latency(v1::Latency()), "-");
}

TEST(Latency, WhatWasMeasuredBetweenTwoLooksIsTheirDifference) {
  const auto between = measured_between(latency({0.001}, {10, 1}), latency({0.001}, {10, 4}));
  EXPECT_EQ(between.buckets(0), 0u);
  EXPECT_EQ(between.buckets(1), 3u);
  // Another process, or another build with other bounds.
  EXPECT_EQ(measured_between(latency({0.001}, {10, 1}), latency({0.001}, {2, 4})).buckets(0), 2u);
  EXPECT_EQ(measured_between(latency({0.002}, {1, 1}), latency({0.001}, {2, 4})).buckets(0), 2u);
}

TEST(Latency, IsWrittenInTheUnitThatFits) {
  EXPECT_EQ(format_seconds(0.00035), "0.35ms");
  EXPECT_EQ(format_seconds(0.0042), "4.2ms");
  EXPECT_EQ(format_seconds(0.12), "120ms");
  EXPECT_EQ(format_seconds(2.5), "2.5s");
}

}  // namespace
}  // namespace interlock
