#include "common/connection_key.h"

#include <gtest/gtest.h>

#include "common/identity.h"

namespace interlock {
namespace {

std::string key(std::string_view subject, std::string_view session) {
  const auto made = make_connection_key(subject, session);
  return made.ok() ? *made : "refused";
}

TEST(ConnectionKey, AnOrdinarySubjectStaysReadable) {
  EXPECT_EQ(key("alice@example.com", "tab-1"), "alice@example.com:tab-1");
  EXPECT_EQ(key("tenants/7/users/a_b-c.d", "s"), "tenants/7/users/a_b-c.d:s");
}

TEST(ConnectionKey, EverythingElseIsPercentEncodedInUpperCase) {
  EXPECT_EQ(key("auth0|5f7c", "s"), "auth0%7C5f7c:s");
  EXPECT_EQ(key("a:b%c~d e", "s"), "a%3Ab%25c%7Ed%20e:s");
  EXPECT_EQ(key("J\xC3\xBCrg", "s"), "J%C3%BCrg:s");
  EXPECT_EQ(key(std::string_view("\0\xFF", 2), "s"), "%00%FF:s");
}

TEST(ConnectionKey, ASubjectCannotReachIntoAnothersKeys) {
  EXPECT_NE(key("alice:tab", "1"), key("alice", "tab"));
  EXPECT_NE(key("alice%3Atab", "s"), key("alice:tab", "s"));
  const std::string hashed = encode_subject(std::string(200, 'x'));
  EXPECT_NE(encode_subject(hashed), hashed);
}

TEST(ConnectionKey, ALongSubjectIsHashedFrom181EncodedBytesOn) {
  EXPECT_EQ(encode_subject(std::string(180, 'x')), std::string(180, 'x'));
  EXPECT_EQ(encode_subject(std::string(181, 'x')),
            "~dc31ed5afb940294fdd687c69bbba2aecc51b6093425c0047f6fa6c687303924");
  EXPECT_EQ(encode_subject(std::string(60, ' ')).size(), 180u);
  EXPECT_EQ(encode_subject(std::string(61, ' ')).front(), '~');
}

TEST(ConnectionKey, ASubjectIsNeeded) {
  EXPECT_EQ(make_connection_key("", "s").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ConnectionKey, ASessionIsShortAndPlain) {
  EXPECT_TRUE(valid_session("a"));
  EXPECT_TRUE(valid_session("Tab_1-x"));
  EXPECT_TRUE(valid_session(make_identity()));
  EXPECT_TRUE(valid_session(std::string(64, 'a')));
  EXPECT_FALSE(valid_session(""));
  EXPECT_FALSE(valid_session(std::string(65, 'a')));
  for (const std::string_view bad : {"a b", "a:b", "a.b", "a/b", "\xC3\xBC", "a\n"}) {
    EXPECT_FALSE(valid_session(bad)) << bad;
    EXPECT_EQ(make_connection_key("alice", bad).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(ConnectionKey, SplittingGivesBackWhatWasJoined) {
  for (const std::string& subject : {std::string("alice"), std::string("auth0|1"),
                                     std::string(500, 'y'), std::string("\0", 1)}) {
    const auto parts = split_connection_key(key(subject, "tab-1"));
    ASSERT_TRUE(parts.has_value());
    EXPECT_EQ(*parts, (ConnectionKeyParts{encode_subject(subject), "tab-1"}));
  }
}

TEST(ConnectionKey, OnlyTheOneWayToWriteAKeyIsValid) {
  EXPECT_TRUE(valid_connection_key("alice:s"));
  EXPECT_TRUE(valid_connection_key("~" + std::string(64, 'a') + ":s"));
  for (const std::string& bad :
       {std::string(""), std::string("alice"), std::string(":s"), std::string("alice:"),
        std::string("a:b:c"), std::string("a b:s"), std::string("a%7c:s"), std::string("a%61:s"),
        std::string("a%7:s"), std::string("a%:s"), std::string("a%zz:s"), std::string("a~:s"),
        "~" + std::string(63, 'a') + ":s", "~" + std::string(64, 'A') + ":s",
        std::string(181, 'x') + ":s", "x:" + std::string(65, 's')}) {
    EXPECT_FALSE(valid_connection_key(bad)) << bad;
  }
}

TEST(ConnectionKey, TheLongestKeyFitsTheLimit) {
  EXPECT_EQ(key(std::string(180, 'x'), std::string(64, 's')).size(), connection_key_bytes_max);
}

}  // namespace
}  // namespace interlock
