#include "common/service_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace interlock {
namespace {

using testing::HasSubstr;

TEST(ServiceTarget, IsPlainOrAnHttpsUrl) {
  EXPECT_EQ(*parse_service_target("a:1"), (ServiceTarget{{"a", 1}, false}));
  EXPECT_EQ(*parse_service_target("https://a"), (ServiceTarget{{"a", 443}, true}));
  EXPECT_EQ(*parse_service_target("https://a:8443/"), (ServiceTarget{{"a", 8443}, true}));
  EXPECT_EQ(*parse_service_target("https://[::1]"), (ServiceTarget{{"::1", 443}, true}));
  EXPECT_EQ(*parse_service_target("https://[::1]:7"), (ServiceTarget{{"::1", 7}, true}));
}

TEST(ServiceTarget, IsWrittenAsItIsRead) {
  for (const std::string text : {"a:1", "[::1]:2", "https://a:443", "https://[::1]:7"}) {
    EXPECT_EQ(to_string(*parse_service_target(text)), text);
  }
  EXPECT_EQ(to_string(*parse_service_target("https://a")), "https://a:443");
}

TEST(ServiceTarget, ARefusalSaysWhatIsWrong) {
  for (const std::string text : {"http://a:1", "https://", "https://a/path", "https://a:port"}) {
    EXPECT_THAT(std::string(parse_service_target(text).status().message()),
                HasSubstr("a URL is https://host or https://host:port"))
        << text;
  }
  EXPECT_THAT(std::string(parse_service_target("a").status().message()),
              HasSubstr("names no port"));
}

}  // namespace
}  // namespace interlock
