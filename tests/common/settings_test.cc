#include "common/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/time/time.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:8080", "Where clients connect.");
ABSL_FLAG(std::int32_t, heartbeat_ms, 5000, "Between two heartbeats.");
ABSL_FLAG(std::uint64_t, records_max, 1000, "Records in all.");
ABSL_FLAG(double, jitter, 0.5, "Share of a wait that is random.");
ABSL_FLAG(bool, volatile_ok, false, "Allow a store that does not survive.");
ABSL_FLAG(absl::Duration, drain, absl::Seconds(8), "How long a drain may take.");

namespace interlock {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::ExitedWithCode;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> all_flags = {"listen", "heartbeat_ms", "records_max",
                                            "jitter", "volatile_ok",  "drain"};

// Each test finds the flags at their defaults, and leaves them so.
class Settings : public testing::Test {
 protected:
  static absl::StatusOr<std::vector<std::string>> parse(std::vector<const char*> arguments,
                                                        const Environment& environment = {}) {
    arguments.insert(arguments.begin(), "/usr/bin/interlock-test");
    return parse_settings(static_cast<int>(arguments.size()), arguments.data(), all_flags,
                          environment);
  }

  static std::string refusal(const std::vector<const char*>& arguments,
                             const Environment& environment = {}) {
    const absl::Status status = parse(arguments, environment).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }

  absl::FlagSaver saver_;
};

TEST_F(Settings, DefaultsStandWhenNobodySaysAnything) {
  EXPECT_THAT(*parse({}), IsEmpty());
  EXPECT_EQ(absl::GetFlag(FLAGS_listen), "127.0.0.1:8080");
  EXPECT_EQ(absl::GetFlag(FLAGS_heartbeat_ms), 5000);
}

TEST_F(Settings, AVariableOutranksTheDefault) {
  ASSERT_TRUE(parse({}, {{"INTERLOCK_HEARTBEAT_MS", "700"}}).ok());
  EXPECT_EQ(absl::GetFlag(FLAGS_heartbeat_ms), 700);
}

TEST_F(Settings, TheCommandLineOutranksTheVariable) {
  ASSERT_TRUE(parse({"--heartbeat_ms=900"}, {{"INTERLOCK_HEARTBEAT_MS", "700"}}).ok());
  EXPECT_EQ(absl::GetFlag(FLAGS_heartbeat_ms), 900);
}

TEST_F(Settings, PortOutranksTheVariableAndListensToTheWorld) {
  ASSERT_TRUE(parse({}, {{"PORT", "9000"}, {"INTERLOCK_LISTEN", "127.0.0.1:1"}}).ok());
  EXPECT_EQ(absl::GetFlag(FLAGS_listen), "0.0.0.0:9000");
}

TEST_F(Settings, TheCommandLineOutranksPort) {
  ASSERT_TRUE(parse({"--listen", "[::1]:7"}, {{"PORT", "9000"}}).ok());
  EXPECT_EQ(absl::GetFlag(FLAGS_listen), "[::1]:7");
}

TEST_F(Settings, PortMeansNothingToAProgramThatDoesNotListen) {
  const char* arguments[] = {"interlockctl"};
  EXPECT_TRUE(parse_settings(1, arguments, {"jitter"}, {{"PORT", "nonsense"}}).ok());
}

TEST_F(Settings, FlagsAreReadInEveryUsualForm) {
  ASSERT_TRUE(parse({"-heartbeat_ms", "1", "--jitter=0.25", "--volatile_ok", "--drain=1500ms",
                     "--records_max", "18446744073709551615"})
                  .ok());
  EXPECT_EQ(absl::GetFlag(FLAGS_heartbeat_ms), 1);
  EXPECT_EQ(absl::GetFlag(FLAGS_jitter), 0.25);
  EXPECT_TRUE(absl::GetFlag(FLAGS_volatile_ok));
  EXPECT_EQ(absl::GetFlag(FLAGS_drain), absl::Milliseconds(1500));
  EXPECT_EQ(absl::GetFlag(FLAGS_records_max), UINT64_MAX);
}

TEST_F(Settings, ABooleanIsSwitchedOffByName) {
  ASSERT_TRUE(parse({"--novolatile_ok"}, {{"INTERLOCK_VOLATILE_OK", "true"}}).ok());
  EXPECT_FALSE(absl::GetFlag(FLAGS_volatile_ok));
}

TEST_F(Settings, WhatIsNotAFlagIsReturnedInOrder) {
  EXPECT_THAT(
      *parse({"get", "--jitter=1", "alice:tab", "-", "--volatile_ok", "x", "--", "--jitter"}),
      ElementsAre("get", "alice:tab", "-", "x", "--jitter"));
}

TEST_F(Settings, ABadValueIsASentenceThatNamesIt) {
  EXPECT_EQ(refusal({"--heartbeat_ms=soon"}),
            "--heartbeat_ms does not accept \"soon\"; it takes a whole number from -2147483648 to "
            "2147483647.");
  EXPECT_EQ(refusal({"--heartbeat_ms=99999999999"}),
            "--heartbeat_ms does not accept \"99999999999\"; it takes a whole number from "
            "-2147483648 to 2147483647.");
  EXPECT_EQ(refusal({"--volatile_ok=perhaps"}),
            "--volatile_ok does not accept \"perhaps\"; it takes true or false.");
  EXPECT_EQ(refusal({"--drain=8"}),
            "--drain does not accept \"8\"; it takes a duration such as 500ms, 15s or 10m.");
  EXPECT_EQ(refusal({}, {{"INTERLOCK_JITTER", "much"}}),
            "INTERLOCK_JITTER does not accept \"much\"; it takes a number.");
  EXPECT_EQ(refusal({}, {{"PORT", "0"}}),
            "PORT does not accept \"0\"; it takes a port from 1 to 65535.");
  EXPECT_EQ(refusal({"--jitter"}), "--jitter needs a value behind it.");
}

TEST_F(Settings, AnUnknownFlagIsRefusedAndTheNearestOneNamed) {
  EXPECT_EQ(refusal({"--lisen=x"}), "There is no flag --lisen; did you mean --listen?");
  EXPECT_EQ(refusal({"--frobnicate"}), "There is no flag --frobnicate; --help lists them.");
  EXPECT_EQ(refusal({"--nojitter"}), "There is no flag --nojitter; did you mean --jitter?");
}

TEST_F(Settings, AMisspeltVariableIsWarnedOfAndAStrangersIsNot) {
  testing::internal::CaptureStderr();
  ASSERT_TRUE(parse({}, {{"INTERLOCK_HEARTBEAT_MSEC", "1"},
                         {"INTERLOCK_SERVICE_HOST", "10.0.0.1"},
                         {"INTERLOCK_JITTER", "0.1"},
                         {"HEARTBEAT_MSEC", "1"}})
                  .ok());
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "Warning: the variable INTERLOCK_HEARTBEAT_MSEC is ignored; did you mean "
            "INTERLOCK_HEARTBEAT_MS?\n");
}

TEST_F(Settings, TheEnvironmentOfTheProcessIsTheDefault) {
  ASSERT_EQ(setenv("INTERLOCK_HEARTBEAT_MS", "123", 1), 0);
  EXPECT_EQ(process_environment().at("INTERLOCK_HEARTBEAT_MS"), "123");
  const char* arguments[] = {"interlock-test"};
  EXPECT_TRUE(parse_settings(1, arguments, {"heartbeat_ms"}).ok());
  EXPECT_EQ(absl::GetFlag(FLAGS_heartbeat_ms), 123);
  unsetenv("INTERLOCK_HEARTBEAT_MS");
}

TEST_F(Settings, HelpListsEachFlagWithItsDefaultAndItsVariable) {
  EXPECT_THAT(describe_settings(all_flags),
              AllOf(HasSubstr("  --heartbeat_ms  (default \"5000\", variable "
                              "INTERLOCK_HEARTBEAT_MS)\n      Between two heartbeats.\n"),
                    HasSubstr("--drain  (default \"8s\"")));
}

using SettingsDeathTest = Settings;

TEST_F(SettingsDeathTest, QuestionsAreAnsweredAndEndTheProgramWell) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(parse({"--help"}).IgnoreError(), ExitedWithCode(0), "");
  EXPECT_EXIT(parse({"--version"}).IgnoreError(), ExitedWithCode(0), "");
}

TEST_F(Settings, ARefusalGoesToStderrAndIsExitCodeTwo) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(refuse_settings("/usr/bin/interlock-test", parse({"--jitter"}).status()), 2);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "interlock-test: --jitter needs a value behind it.\n");
}

}  // namespace
}  // namespace interlock
