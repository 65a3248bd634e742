#include "coordinator/ctl/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The real verbs, and one of two words.
std::vector<Verb> verbs() {
  std::vector<Verb> all = all_verbs();
  Verb drain;
  drain.name = "gateway drain";
  drain.operands = "ID";
  drain.operands_min = drain.operands_max = 1;
  all.push_back(drain);
  return all;
}

CommandLine parse(const std::vector<std::string>& arguments) {
  auto line = parse_command_line(arguments, verbs());
  EXPECT_TRUE(line.ok()) << line.status();
  return line.ok() ? *std::move(line) : CommandLine{};
}

std::string refusal(const std::vector<std::string>& arguments) {
  const absl::Status status = parse_command_line(arguments, verbs()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(CommandLine, AVerbTakesItsOperandsAndFlags) {
  const CommandLine line = parse({"get", "alice:tab-1", "--latest"});
  EXPECT_EQ(line.verb.name, "get");
  EXPECT_THAT(line.arguments.operands, ElementsAre("alice:tab-1"));
  EXPECT_TRUE(line.arguments.has("latest"));
  EXPECT_THAT(line.global_arguments, IsEmpty());
}

TEST(CommandLine, GlobalFlagsStandBeforeOrBehindTheVerb) {
  EXPECT_THAT(parse({"--coordinator", "h:1", "--json", "list"}).global_arguments,
              ElementsAre("--coordinator", "h:1", "--json"));
  EXPECT_THAT(parse({"list", "--nojson", "--timeout", "9s"}).global_arguments,
              ElementsAre("--nojson", "--timeout", "9s"));
}

TEST(CommandLine, AFlagsValueMayFollowEitherWay) {
  EXPECT_EQ(parse({"list", "--limit", "3"}).arguments.flags.at("limit"), "3");
  EXPECT_EQ(parse({"list", "--limit=3"}).arguments.flags.at("limit"), "3");
  EXPECT_EQ(parse({"list", "--limit="}).arguments.flags.at("limit"), "");
}

TEST(CommandLine, BehindTwoDashesEverythingIsAnOperand) {
  EXPECT_THAT(parse({"get", "--", "--latest"}).arguments.operands, ElementsAre("--latest"));
}

TEST(CommandLine, AVerbMayHaveTwoWords) {
  const CommandLine line = parse({"gateway", "drain", "abc"});
  EXPECT_EQ(line.verb.name, "gateway drain");
  EXPECT_THAT(line.arguments.operands, ElementsAre("abc"));
}

TEST(CommandLine, HelpIsUnderstoodWhereverItIsAskedFor) {
  EXPECT_EQ(parse({"--help"}).verb.name, "help");
  EXPECT_EQ(parse({"-h"}).verb.name, "help");
  const CommandLine line = parse({"get", "--help"});
  EXPECT_EQ(line.verb.name, "help");
  EXPECT_THAT(line.arguments.operands, ElementsAre("get"));
  EXPECT_EQ(parse({"--help", "watch"}).arguments.operands, std::vector<std::string>{"watch"});
  EXPECT_EQ(parse({"--version"}).verb.name, "version");
}

TEST(CommandLine, ARefusalSaysWhatIsExpected) {
  EXPECT_THAT(refusal({}), HasSubstr("interlockctl help"));
  EXPECT_THAT(refusal({"lst"}), HasSubstr("no verb \"lst\""));
  EXPECT_THAT(refusal({"get"}), HasSubstr("interlockctl get KEY [--latest]"));
  EXPECT_THAT(refusal({"get", "a", "b"}), HasSubstr("interlockctl get KEY [--latest]"));
  EXPECT_THAT(refusal({"list", "--lvie"}), HasSubstr("no flag --lvie"));
  EXPECT_THAT(refusal({"list", "--limit"}), HasSubstr("--limit needs a value"));
  EXPECT_THAT(refusal({"list", "--live=yes"}), HasSubstr("--live takes no value"));
  EXPECT_THAT(refusal({"--latest", "get", "a"}), HasSubstr("no flag --latest"));
}

TEST(CommandLine, ARefusalCannotPaintTheTerminal) {
  EXPECT_THAT(refusal({"\x1b[31m"}), HasSubstr("\\x1b[31m"));
  EXPECT_THAT(refusal({"list", "--\x1b[31m"}), HasSubstr("--\\x1b[31m"));
}

TEST(Verbs, EachSaysHowItIsUsedAndShowsAnExample) {
  std::set<std::string> names;
  for (const Verb& verb : all_verbs()) {
    EXPECT_TRUE(names.insert(verb.name).second) << verb.name;
    EXPECT_NE(verb.run, nullptr) << verb.name;
    EXPECT_FALSE(verb.summary.empty()) << verb.name;
    EXPECT_FALSE(verb.description.empty()) << verb.name;
    EXPECT_FALSE(verb.examples.empty()) << verb.name;
    for (const VerbFlag& flag : verb.flags) {
      EXPECT_FALSE(global_flag_takes_value(flag.name)) << verb.name << " hides --" << flag.name;
    }
  }
}

}  // namespace
}  // namespace interlock
