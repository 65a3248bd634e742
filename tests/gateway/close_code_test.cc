#include "gateway/close_code.h"

#include <gtest/gtest.h>

#include <string>

namespace interlock {
namespace {

TEST(CloseCode, EveryCodeHasAName) {
  for (const CloseCodeRow& row : kCloseCodes) {
    EXPECT_EQ(close_code_name(static_cast<std::uint16_t>(row.code)), row.name);
  }
  EXPECT_EQ(close_code_name(4999), "other");
}

TEST(CloseCode, TheReasonSaysWhatTheClientNeedsNext) {
  EXPECT_EQ(close_reason(CloseCode::kHeartbeatMissed), "heartbeat_missed");
  EXPECT_EQ(close_reason(CloseCode::kDraining, {.after_ms = 250}), "draining; after_ms=250");
  EXPECT_EQ(close_reason(CloseCode::kSuperseded, {.generation = 8}), "superseded; generation=8");
  EXPECT_EQ(
      close_reason(CloseCode::kNotNow, {.after_ms = 1, .generation = 2, .sentence = "Too many."}),
      "not_now; after_ms=1; generation=2; Too many.");
}

TEST(CloseCode, TheReasonFitsIntoACloseFrame) {
  const std::string reason =
      close_reason(CloseCode::kProtocolError, {.sentence = std::string(500, 'x')});
  EXPECT_EQ(reason.size(), 123U);
}

TEST(CloseCode, TheReasonIsNotCutInTheMiddleOfACharacter) {
  std::string euros;
  while (euros.size() < 300) euros += "\xE2\x82\xAC";
  for (const std::string_view before : {"", "a", "ab"}) {
    const std::string sentence = std::string(before) + euros;
    const std::string reason = close_reason(CloseCode::kInternal, {.sentence = sentence});
    EXPECT_LE(reason.size(), 123U);
    EXPECT_GE(reason.size(), 121U);
    EXPECT_TRUE(reason.ends_with("\xE2\x82\xAC"));
  }
}

}  // namespace
}  // namespace interlock
