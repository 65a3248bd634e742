#include "common/utf8.h"

#include <gtest/gtest.h>

namespace interlock {
namespace {

TEST(Utf8, WellFormedTextComesBackAsItIs) {
  for (const std::string_view text : {"", "plain", "J\xC3\xBCrg", "\xE2\x82\xAC", "\xED\x9F\xBF",
                                      "\xEE\x80\x80", "\xF0\x9F\x9A\x82", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(valid_utf8(text)) << text;
    EXPECT_EQ(replace_invalid_utf8(text), text);
  }
}

TEST(Utf8, WhatNoOneMayWriteIsRefused) {
  for (const std::string_view text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
        "\xC3", "\xE2\x82", "\xF0\x9F\x9A", "ok\xFEok"}) {
    EXPECT_FALSE(valid_utf8(text));
    EXPECT_TRUE(valid_utf8(replace_invalid_utf8(text)));
  }
}

TEST(Utf8, AnIllFormedStretchBecomesOneReplacementCharacter) {
  EXPECT_EQ(replace_invalid_utf8("a\xFF"
                                 "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(replace_invalid_utf8("\xE2\x82z"), "\xEF\xBF\xBDz");
  EXPECT_EQ(replace_invalid_utf8("\xF0\x9F\x9A"), "\xEF\xBF\xBD");
  EXPECT_EQ(replace_invalid_utf8("\xC0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace interlock
