#include "coordinator/ctl/top_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "coordinator/ctl/text.h"

namespace interlock {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

TopSample sample(std::int64_t steady_ms, std::uint64_t transitions) {
  TopSample sample{.steady_ms = steady_ms,
                   .unix_ms = 1'700'000'000'123,
                   .coordinator = "here:7400",
                   .stats = {},
                   .gateways = {}};
  sample.stats.set_coordinator_id("c0ffee00c0ffee00");
  sample.stats.set_transitions(transitions);
  (*sample.stats.mutable_connections_by_state())["IDLE"] = 100;
  (*sample.stats.mutable_connections_by_state())["RECONNECTING"] = 1;
  (*sample.stats.mutable_connections_by_state())["CLOSED"] = 0;
  return sample;
}

TopView two_seconds_apart() {
  return {.before = sample(1'000, 50), .now = sample(3'000, 250), .problem = ""};
}

TEST(TopView, RatesAreWhatHappenedBetweenTwoLooks) {
  EXPECT_DOUBLE_EQ(*rates_of(two_seconds_apart()).transitions, 100.0);
  TopView first = two_seconds_apart();
  first.before.reset();
  EXPECT_EQ(rates_of(first).transitions, std::nullopt);
}

// Its counts begin at 0 again, so a difference would say nothing.
TEST(TopView, AnotherCoordinatorsCountsAreNotCompared) {
  TopView view = two_seconds_apart();
  view.now.stats.set_coordinator_id("another");
  EXPECT_EQ(rates_of(view).transitions, std::nullopt);
  view = two_seconds_apart();
  view.now.stats.set_started_unix_ms(5);
  EXPECT_EQ(rates_of(view).transitions, std::nullopt);
}

TEST(TopView, TheScreenShowsBarsRatesAndGateways) {
  TopView view = two_seconds_apart();
  v1::GatewayInfo& gateway = *view.now.gateways.add_gateways();
  gateway.set_gateway_id("0123456789abcdef");
  gateway.set_draining_per_s(20);
  view.now.stats.add_flapping_keys("alice:\x1b[2J");
  const auto lines = top_screen(view, {.columns = 100, .rows = 40}, false, false);
  EXPECT_THAT(lines, Contains(HasSubstr("transitions 100/s")));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("IDLE"), HasSubstr(" ##########"))));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("RECONNECTING"), HasSubstr(" 1 #"))));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("CLOSED"))));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("01234567 "), HasSubstr("draining, 20 a second"))));
  EXPECT_THAT(lines, Contains(HasSubstr("flapping alice:\\x1b[2J")));
  EXPECT_EQ(lines.back(), "q leaves");
}

TEST(TopView, NoScreenIsTooSmall) {
  TopView view = two_seconds_apart();
  view.problem = "Something is wrong.";
  for (int i = 0; i < 50; ++i) view.now.gateways.add_gateways()->set_gateway_id("0123456789");
  for (const std::size_t columns : {1u, 2u, 17u, 30u, 80u, 300u}) {
    for (const std::size_t rows : {1u, 2u, 5u, 24u, 100u}) {
      const auto lines = top_screen(view, {.columns = columns, .rows = rows}, true, false);
      EXPECT_LE(lines.size(), rows);
      for (const std::string& line : lines) EXPECT_LE(display_width(line), columns);
    }
  }
}

// A colour that was begun is ended, although its text was cut off.
TEST(TopView, WhatIsCutOffTakesItsColourWithIt) {
  EXPECT_EQ(clip_to_width("\x1b[32mPROCESSING\x1b[0m and more", 4), "\x1b[32mPROC\x1b[0m");
  EXPECT_EQ(clip_to_width("日本語", 5), "日本");
  EXPECT_EQ(clip_to_width("short", 5), "short");
}

TEST(TopView, ALineStandsAloneAndJsonReadsBack) {
  const std::string line = top_line(two_seconds_apart());
  EXPECT_THAT(line, HasSubstr("connections 101  transitions 100/s"));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto json = boost::json::parse(top_json(two_seconds_apart())).as_object();
  EXPECT_EQ(json.at("transitions_per_s").to_number<double>(), 100.0);
  EXPECT_EQ(json.at("stats").at("connections_by_state").at("IDLE").as_string(), "100");
  EXPECT_TRUE(json.at("gateways").as_array().empty());
}

}  // namespace
}  // namespace interlock
