#include "common/host_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace interlock {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text) {
  return std::string(parse_host_port(text).status().message());
}

TEST(HostPort, ReadsNamesAndAddresses) {
  EXPECT_EQ(*parse_host_port("127.0.0.1:8080"), (HostPort{"127.0.0.1", 8080}));
  EXPECT_EQ(*parse_host_port("coordinator.internal:443"), (HostPort{"coordinator.internal", 443}));
  EXPECT_EQ(*parse_host_port("[::1]:9090"), (HostPort{"::1", 9090}));
  EXPECT_EQ(*parse_host_port("0.0.0.0:0"), (HostPort{"0.0.0.0", 0}));
  EXPECT_EQ(parse_host_port("localhost:65535")->port, 65535);
}

TEST(HostPort, IsWrittenAsItIsRead) {
  for (const std::string text : {"127.0.0.1:8080", "[::1]:9090", "localhost:1"}) {
    EXPECT_EQ(to_string(*parse_host_port(text)), text);
  }
}

TEST(HostPort, ARefusalSaysWhatIsWrong) {
  EXPECT_THAT(refusal("localhost"), HasSubstr("names no port"));
  EXPECT_THAT(refusal(":8080"), HasSubstr("names no host"));
  EXPECT_THAT(refusal("::1:8080"), HasSubstr("brackets"));
  EXPECT_THAT(refusal("http://host:80"), HasSubstr("more than one colon"));
  EXPECT_THAT(refusal("a/b:80"), HasSubstr("not a host and a port"));
  EXPECT_THAT(refusal("host:65536"), HasSubstr("port from 0 to 65535"));
  EXPECT_THAT(refusal("host:"), HasSubstr("port from 0 to 65535"));
  EXPECT_THAT(refusal("host:80x"), HasSubstr("\"host:80x\""));
  EXPECT_THAT(refusal(""), HasSubstr("such as 127.0.0.1:8080"));
}

TEST(HostPort, APortIsANumberAndNothingElse) {
  EXPECT_EQ(*parse_port("8080"), 8080);
  for (const std::string_view bad : {"", "-1", "+1", " 1", "1 ", "0x10", "65536", "99999999999"}) {
    EXPECT_FALSE(parse_port(bad).ok()) << bad;
  }
}

TEST(HostPort, LoopbackIsWhatOnlyThisMachineReaches) {
  for (const std::string host : {"localhost", "127.0.0.1", "127.8.9.10", "::1"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const std::string host : {"0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "localhost.example.com",
                                 "127.0.0.1.example.com", ""}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

}  // namespace
}  // namespace interlock
