#include "common/json_text.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string>

namespace interlock {
namespace {

std::string written(std::string_view text) {
  std::string out;
  append_json_text(out, text);
  return out;
}

TEST(JsonText, EveryCharacterComesBack) {
  for (int code = 0; code < 128; ++code) {
    const std::string text = std::string("before") + static_cast<char>(code) + "behind it";
    EXPECT_EQ(boost::json::parse(written(text)).as_string(), text) << code;
    const bool escaped = code < ' ' || code == '"' || code == '\\' || code == 127;
    EXPECT_EQ(plain_in_json(text), !escaped) << code;
  }
}

TEST(JsonText, PlainIsAskedOfEveryPlaceOfALongText) {
  std::string text(100, 'x');
  EXPECT_TRUE(plain_in_json(text));
  for (char& c : text) {
    for (const char odd : {'\n', '"', '\\', '\x80', '\xFF'}) {
      c = odd;
      EXPECT_FALSE(plain_in_json(text));
    }
    c = 'x';
  }
}

TEST(JsonText, WhatIsUtf8StaysAndWhatIsNotIsReplaced) {
  EXPECT_EQ(written("sch\xC3\xB6n \xF0\x9F\x98\x80"), "\"sch\xC3\xB6n \xF0\x9F\x98\x80\"");
  EXPECT_EQ(written("x\xFFy"), "\"x\xEF\xBF\xBDy\"");
  EXPECT_EQ(written("\xFF\n"), "\"\xEF\xBF\xBD\\n\"");
  EXPECT_EQ(written(""), "\"\"");
}

}  // namespace
}  // namespace interlock
