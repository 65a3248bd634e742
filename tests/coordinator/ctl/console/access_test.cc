#include "coordinator/ctl/console/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace interlock {
namespace {

using testing::HasSubstr;

constexpr int port = 8088;
constexpr std::string_view token = "0123456789abcdef0123456789abcdef";

int status_of(const std::optional<Denial>& denial) { return denial ? denial->status : 200; }

int site(std::string_view host, std::string_view origin = "") {
  return status_of(check_site({.host = host, .origin = origin}, port));
}

TEST(ConsoleAccess, OnlyThisMachinesOwnNamesAreItsHosts) {
  EXPECT_EQ(site("127.0.0.1:8088"), 200);
  EXPECT_EQ(site("localhost:8088"), 200);
  EXPECT_EQ(site("LocalHost:8088"), 200) << "names do not tell upper from lower case";
  for (const char* host : {"", "localhost", "127.0.0.1", "localhost:80", "127.0.0.1:80880",
                           "evil.example:8088", "127.0.0.1.evil.example:8088", "127.1:8088",
                           "[::1]:8088", "localhost:8088.", "localhost:8088@evil.example"}) {
    EXPECT_EQ(site(host), 421) << host;
  }
}

TEST(ConsoleAccess, AnotherSitesPageIsRefusedAlsoWhenItsNameLeadsHere) {
  EXPECT_EQ(site("127.0.0.1:8088", "http://127.0.0.1:8088"), 200);
  EXPECT_EQ(site("127.0.0.1:8088", "http://localhost:8088"), 200);
  for (const char* origin : {"http://evil.example", "http://evil.example:8088", "null", "http://",
                             "https://127.0.0.1:8088", "http://127.0.0.1", "http://127.0.0.1:80",
                             "http://localhost:8088.evil.example"}) {
    EXPECT_EQ(site("127.0.0.1:8088", origin), 403) << origin;
  }
  EXPECT_EQ(site("evil.example:8088", "http://evil.example:8088"), 421);
}

TEST(ConsoleAccess, TheTokenComesAsBearerOrAsASubprotocol) {
  const auto bearer = [](const std::string& text) {
    return status_of(check_token({.authorization = text}, token));
  };
  EXPECT_EQ(bearer("Bearer " + std::string(token)), 200);
  for (const std::string& wrong :
       {std::string(), std::string("Bearer "), std::string(token), "bearer " + std::string(token),
        "Bearer " + std::string(token) + "0", "Bearer " + std::string(token.substr(1)),
        "Basic " + std::string(token), "Bearer " + std::string(token.size(), '0')}) {
    EXPECT_EQ(bearer(wrong), 401) << wrong;
  }
  const auto offered = [](const std::string& text) {
    return status_of(check_token({.subprotocols = text}, token));
  };
  EXPECT_EQ(offered("interlock.console, token." + std::string(token)), 200);
  EXPECT_EQ(offered("token." + std::string(token) + ",interlock.console"), 200);
  EXPECT_EQ(offered("interlock.console"), 401);
  EXPECT_EQ(offered("interlock.console, token."), 401);
  EXPECT_EQ(offered("interlock.console, " + std::string(token)), 401);
}

TEST(ConsoleAccess, AnEmptySecretOpensNothing) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("abc", "ab"));
  EXPECT_FALSE(same_secret("", ""));
  EXPECT_EQ(status_of(check_token({.authorization = "Bearer "}, "")), 401);
}

TEST(ConsoleAccess, ADenialSaysWhatToDo) {
  EXPECT_THAT(check_site({.host = "x"}, port)->sentence, HasSubstr("127.0.0.1:8088"));
  EXPECT_THAT(check_token({}, token)->sentence, HasSubstr("open that address again"));
  EXPECT_THAT(check_token({}, token)->sentence, testing::Not(HasSubstr(std::string(token))));
}

}  // namespace
}  // namespace interlock
