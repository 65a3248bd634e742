#include "coordinator/ctl/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "absl/flags/reflection.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using testing::HasSubstr;

// Each test finds the flags at their defaults, and leaves them so.
class CtlSettings : public testing::Test {
 protected:
  static std::string refusal(const std::vector<std::string>& arguments) {
    const absl::FlagSaver saver;
    const absl::Status status = read_tool_settings(arguments, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }

  absl::FlagSaver saver_;
};

TEST_F(CtlSettings, AskTheCoordinatorOfThisMachineByDefault) {
  const auto settings = read_tool_settings({}, {});
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(to_string(settings->coordinator), "127.0.0.1:7400");
  EXPECT_EQ(settings->timeout, absl::Seconds(5));
  EXPECT_FALSE(settings->json);
  EXPECT_EQ(settings->token_file, "");
}

TEST_F(CtlSettings, FlagsOutrankTheEnvironment) {
  const Environment environment{{"INTERLOCK_COORDINATOR", "one:1"},
                                {"INTERLOCK_TOKEN_FILE", "/run/token"}};
  EXPECT_EQ(read_tool_settings({}, environment)->coordinator.address.host, "one");
  const auto settings = read_tool_settings({"--coordinator", "two:2", "--json"}, environment);
  EXPECT_EQ(settings->coordinator, (ServiceTarget{{"two", 2}}));
  EXPECT_EQ(settings->token_file, "/run/token");
  EXPECT_TRUE(settings->json);
}

TEST_F(CtlSettings, SeveralCoordinatorsStandInTheOrderInWhichTheyAreAsked) {
  const auto settings = read_tool_settings({"--coordinator=one:1,[::1]:2,three:3"}, {});
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->coordinator, (ServiceTarget{{"one", 1}}));
  EXPECT_EQ(settings->others, (std::vector<ServiceTarget>{{{"::1", 2}}, {{"three", 3}}}));
}

TEST_F(CtlSettings, CertificatesBelongToCoordinatorsWithTls) {
  const auto settings = read_tool_settings({"--coordinator=https://a,https://b:1/"}, {});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->coordinator, (ServiceTarget{{"a", 443}, true}));
  EXPECT_EQ(to_string(settings->others.front()), "https://b:1");
  EXPECT_THAT(refusal({"--coordinator=a:1", "--ca_file=/etc/hostname"}), HasSubstr("a:1 is not"));
  EXPECT_THAT(refusal({"--coordinator=https://a", "--cert_file=/etc/hostname"}),
              HasSubstr("belong together"));
  EXPECT_THAT(refusal({"--coordinator=https://a/path"}), HasSubstr("https://host[:port]"));
  const absl::FlagSaver saver;
  EXPECT_EQ(read_tool_settings({"--coordinator=https://a", "--ca_file=/nonexistent"}, {})
                .status()
                .code(),
            absl::StatusCode::kNotFound);
}

TEST_F(CtlSettings, NonsenseIsRefusedWithASentence) {
  EXPECT_THAT(refusal({"--coordinator=nowhere"}), HasSubstr("it takes host:port"));
  EXPECT_THAT(refusal({"--coordinator=here:0"}), HasSubstr("it takes host:port"));
  EXPECT_THAT(refusal({"--coordinator=here:1,"}), HasSubstr("it takes host:port"));
  EXPECT_THAT(refusal({"--coordinator=here:1,two"}), HasSubstr("it takes host:port"));
  EXPECT_THAT(refusal({"--coordinator=,here:1"}), HasSubstr("it takes host:port"));
  EXPECT_THAT(refusal({"--timeout=0s"}), HasSubstr("above zero"));
  EXPECT_THAT(refusal({"--timeout=inf"}), HasSubstr("above zero"));
  EXPECT_THAT(refusal({"--timeout=soon"}), HasSubstr("a duration such as"));
}

class Token : public testing::Test {
 protected:
  absl::StatusOr<std::string> token_of_file_with(const std::string& content) const {
    std::ofstream(path_) << content;
    return read_token({.coordinator = {}, .token_file = path_, .json = false, .timeout = {}});
  }

  ScratchDirectory scratch_;
  std::string path_ = scratch_.path() + "/token";
};

TEST_F(Token, IsTheFileWithoutItsLineEnd) {
  EXPECT_EQ(*token_of_file_with("abc.def"), "abc.def");
  EXPECT_EQ(*token_of_file_with("abc.def\n"), "abc.def");
  EXPECT_EQ(*token_of_file_with("abc.def\r\n"), "abc.def");
}

TEST_F(Token, WhatNoHeaderCanCarryIsRefusedWithoutShowingIt) {
  for (const char* content : {"", "\n", "secret\nsecret\n", "secret secret", "s\u00e9cret"}) {
    const absl::Status status = token_of_file_with(content).status();
    EXPECT_FALSE(status.ok()) << content;
    EXPECT_THAT(std::string(status.message()), testing::Not(HasSubstr("secret")));
  }
}

// Both programs know INTERLOCK_TOKEN_FILE.
TEST_F(Token, TheCoordinatorsListOfTokensIsNotSentToIt) {
  const auto token = token_of_file_with(R"([{"token":"0123456789abcdef","role":"reader"}])");
  EXPECT_THAT(std::string(token.status().message()), HasSubstr("coordinator's list of tokens"));
}

TEST_F(Token, AFileThatIsNotThereIsNamed) {
  const auto token = read_token(
      {.coordinator = {}, .token_file = "/nonexistent/token", .json = false, .timeout = {}});
  EXPECT_THAT(std::string(token.status().message()), HasSubstr("/nonexistent/token"));
}

TEST_F(Token, NoFileMeansNoToken) {
  EXPECT_EQ(*read_token({.coordinator = {}, .token_file = "", .json = false, .timeout = {}}), "");
}

}  // namespace
}  // namespace interlock
