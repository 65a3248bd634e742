#include "coordinator/ctl/text.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace interlock {
namespace {

TEST(Text, OrdinaryTextIsLeftAlone) {
  EXPECT_EQ(escape_control("alice@example.org:tab-1"), "alice@example.org:tab-1");
  EXPECT_EQ(escape_control("Grüße 世界"), "Grüße 世界");
}

TEST(Text, ControlCharactersCannotReachTheTerminal) {
  EXPECT_EQ(escape_control("a\x1b[31mred"), "a\\x1b[31mred");
  EXPECT_EQ(escape_control(std::string("nul\0bell\a", 9)), "nul\\x00bell\\x07");
  EXPECT_EQ(escape_control("one\r\ntwo\t"), "one\\r\\ntwo\\t");
  EXPECT_EQ(escape_control("\x7f"), "\\x7f");
}

TEST(Text, TheEightBitControlsAreControlsToo) {
  EXPECT_EQ(escape_control("\u009b31m"), "\\u009b31m");
}

TEST(Text, CharactersThatReorderOrHideAreShown) {
  EXPECT_EQ(escape_control("user\u202etxt"), "user\\u202etxt");
  EXPECT_EQ(escape_control("zero\u200bwidth"), "zero\\u200bwidth");
  EXPECT_EQ(escape_control("line\u2028end"), "line\\u2028end");
  EXPECT_EQ(escape_control("tag\U000E0041"), "tag\\U000e0041");
}

TEST(Text, WhatLooksLikeAnEscapeCanBeToldFromOne) { EXPECT_EQ(escape_control("\\x1b"), "\\\\x1b"); }

TEST(Text, BytesThatAreNotUtf8BecomeReplacementCharacters) {
  EXPECT_EQ(escape_control("a\xff z"), "a\xEF\xBF\xBD z");
}

TEST(Text, WidthCountsColumnsAndNotBytes) {
  EXPECT_EQ(display_width(""), 0u);
  EXPECT_EQ(display_width("plain"), 5u);
  EXPECT_EQ(display_width("Grüße"), 5u);
  EXPECT_EQ(display_width("世界"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u);
}

TEST(Text, DurationsShowTheirTwoLargestUnits) {
  EXPECT_EQ(format_duration_ms(0), "0ms");
  EXPECT_EQ(format_duration_ms(850), "850ms");
  EXPECT_EQ(format_duration_ms(59'999), "59s");
  EXPECT_EQ(format_duration_ms(60'000), "1m00s");
  EXPECT_EQ(format_duration_ms(192'000), "3m12s");
  EXPECT_EQ(format_duration_ms(2 * 3'600'000 + 5 * 60'000), "2h05m");
  EXPECT_EQ(format_duration_ms(76ll * 3'600'000), "3d04h");
}

TEST(Text, AnAgeOfAClockThatIsAheadIsZero) { EXPECT_EQ(format_duration_ms(-5000), "0ms"); }

// Sets the zone for one test.
class LocalTime : public testing::Test {
 protected:
  void SetUp() override { use_zone("CET-1"); }
  void TearDown() override {
    unsetenv("TZ");
    tzset();
  }
  static void use_zone(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }
};

TEST_F(LocalTime, TimesAreLocalAndToTheMillisecond) {
  EXPECT_EQ(format_local_time(1'000'000'000'123), "2001-09-09 02:46:40.123");
  EXPECT_EQ(format_local_time_of_day(1'000'000'000'123), "02:46:40.123");
}

TEST_F(LocalTime, AnInstantBefore1970IsRoundedDown) {
  EXPECT_EQ(format_local_time_of_day(-1), "00:59:59.999");
}

TEST(Text, BytesAreWrittenInTheUnitThatFits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(17 * 1024), "17 KiB");
  EXPECT_EQ(format_bytes(1'300'000), "1.2 MiB");
  EXPECT_EQ(format_bytes(~std::uint64_t{0}), "16777216 TiB");
}

}  // namespace
}  // namespace interlock
