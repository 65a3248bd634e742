#include "common/json_check.h"

#include <gtest/gtest.h>

#include <string>

namespace interlock {
namespace {

bool is_json_value(std::string_view text) { return !check_json(text, 64); }

TEST(JsonCheck, OneValueOfAnyKindIsJson) {
  for (const char* text : {"null", "true", "0", "-1.5e3", "\"\"", "[]", "{}", " {\"a\":[1,2]} \n",
                           "\"\xc3\xa4\""}) {
    EXPECT_TRUE(is_json_value(text)) << text;
  }
}

TEST(JsonCheck, EverythingElseIsNot) {
  for (const char* text : {"", " ", "{", "nul", "01", "1 2", "{} {}", "[1,]", "'a'", "{a:1}",
                           "\"\xff\"", "\"a", "// comment\n1"}) {
    EXPECT_FALSE(is_json_value(text)) << text;
  }
  EXPECT_FALSE(is_json_value(std::string_view("1\0", 2)));
}

TEST(JsonCheck, DepthIsBounded) {
  EXPECT_TRUE(is_json_value(std::string(60, '[') + std::string(60, ']')));
  EXPECT_EQ(check_json(std::string(100'000, '['), 64), boost::json::error::too_deep);
}

}  // namespace
}  // namespace interlock
