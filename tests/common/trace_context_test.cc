// What a traceparent may look like, and which traces are kept.
#include "common/trace_context.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace interlock {
namespace {

constexpr std::string_view good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string changed(std::size_t at, std::string_view to) {
  std::string text(good);
  return text.replace(at, to.size(), to);
}

TEST(TraceContext, AGoodHeaderIsReadAndWrittenBackAsItWas) {
  const auto context = parse_traceparent(good);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_high, 0x0af7651916cd43ddu);
  EXPECT_EQ(context->trace_low, 0x8448eb211c80319cu);
  EXPECT_EQ(context->span_id, 0xb7ad6b7169203331u);
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->trace_id_text(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context->span_id_text(), "b7ad6b7169203331");
  EXPECT_EQ(to_traceparent(*context), good);
}

TEST(TraceContext, OnlyTheLastBitOfTheFlagsSaysWhetherItIsSampled) {
  EXPECT_FALSE(parse_traceparent(changed(53, "00"))->sampled);
  EXPECT_FALSE(parse_traceparent(changed(53, "02"))->sampled);
  EXPECT_TRUE(parse_traceparent(changed(53, "ff"))->sampled);
  EXPECT_EQ(to_traceparent(*parse_traceparent(changed(53, "02"))), changed(53, "00"));
}

TEST(TraceContext, VersionsToComeAreReadAsFarAsTheyAreKnown) {
  for (const std::string& text :
       {changed(0, "01"), changed(0, "cc"), changed(0, "fe"), changed(0, "01") + "-",
        changed(0, "cc") + "-what-the-future-will-be-like"}) {
    const auto context = parse_traceparent(text);
    ASSERT_TRUE(context) << text;
    EXPECT_EQ(to_traceparent(*context), good) << text;
  }
}

TEST(TraceContext, HalfAnIdMayBeZero) {
  EXPECT_TRUE(parse_traceparent(changed(3, "0000000000000000")));
  EXPECT_TRUE(parse_traceparent(changed(19, "0000000000000000")));
}

TEST(TraceContext, WhatIsNoHeaderIsNone) {
  const std::string text(good);
  const std::string bad[] = {
      "",
      "garbage",
      text.substr(0, 54),
      text + "0",
      text + "-",                                          // version 00 ends here
      changed(0, "01") + "x",                              // others go on behind a dash
      changed(0, "ff"),                                    // the version that there is none of
      changed(0, "0g"),
      changed(0, "0A"),
      changed(2, "_"),
      changed(35, "_"),
      changed(52, "_"),
      changed(3, "0AF7651916CD43DD"),                      // upper case
      changed(36, "B7"),
      changed(53, "0G"),
      changed(53, "0A"),
      changed(10, " "),
      changed(3, "00000000000000000000000000000000"),      // no trace
      changed(36, "0000000000000000"),                     // no span
      " " + text,
      std::string(55, '-'),
      std::string(4'000, '0'),
  };
  for (const std::string& each : bad) EXPECT_FALSE(parse_traceparent(each)) << each;
}

TEST(TraceContext, AChildIsAnotherSpanOfTheSameTrace) {
  const TraceContext parent = *parse_traceparent(good);
  const TraceContext child = parent.child(0x12);
  EXPECT_EQ(to_traceparent(child), "00-0af7651916cd43dd8448eb211c80319c-0000000000000012-01");
  EXPECT_NE(parent.child(0).span_id, 0u) << "an id of zeros is none";
}

TEST(TraceContext, ANewTraceHasIdsWhateverTheDiceSay) {
  EXPECT_TRUE(parse_traceparent(to_traceparent(new_trace(0, 0, 0, false))));
  const TraceContext context = new_trace(1, 2, 3, true);
  EXPECT_EQ(to_traceparent(context), "00-00000000000000010000000000000002-0000000000000003-01");
}

TEST(TraceContext, TheRatioSaysHowManyAreKept) {
  std::mt19937_64 random(1);
  constexpr int traces = 100'000;
  for (const double ratio : {0.0, 0.01, 0.5, 1.0}) {
    int kept = 0;
    for (int i = 0; i < traces; ++i) kept += sampled_by_ratio(random(), ratio) ? 1 : 0;
    EXPECT_NEAR(kept, ratio * traces, traces * 0.01) << ratio;
  }
}

TEST(TraceContext, WhatIsKeptAtALowRatioIsKeptAtAHigherOne) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t id = random();
    EXPECT_TRUE(!sampled_by_ratio(id, 0.1) || sampled_by_ratio(id, 0.3));
  }
  EXPECT_TRUE(sampled_by_ratio(0xff00000000000000, 0.0000001)) << "the first byte does not count";
  EXPECT_TRUE(sampled_by_ratio(~std::uint64_t{0}, 1)) << "all is all";
}

}  // namespace
}  // namespace interlock
