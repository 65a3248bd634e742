#include "coordinator/ctl/console/headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/ctl/console/assets.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ConsoleHeaders, ThePageLoadsFromItsOwnServerOnlyAndRunsNothingInline) {
  const std::string policy = content_security_policy(8088);
  EXPECT_THAT(policy, HasSubstr("default-src 'self'"));
  EXPECT_THAT(policy, HasSubstr("connect-src 'self' ws://127.0.0.1:8088 ws://localhost:8088;"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(policy, HasSubstr("require-trusted-types-for 'script'; trusted-types 'none'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_THAT(policy, Not(HasSubstr("*")));
}

constexpr Asset some_assets[] = {{"/index.html", "text/html", "page"}, {"/a/b.js", "text/x", "b"}};

TEST(ConsoleAssets, AreFoundByTheirWholePathOnly) {
  ASSERT_NE(find_asset(some_assets, "/"), nullptr);
  EXPECT_EQ(find_asset(some_assets, "/")->content, "page");
  ASSERT_NE(find_asset(some_assets, "/a/b.js"), nullptr);
  for (const char* path :
       {"", "/a", "/a/", "/a/b.js/", "//a/b.js", "/A/B.JS", "/../a/b.js", "/index.htm"}) {
    EXPECT_EQ(find_asset(some_assets, path), nullptr) << path;
  }
}

}  // namespace
}  // namespace interlock
