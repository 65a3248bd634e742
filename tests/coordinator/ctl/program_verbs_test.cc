// What holds for every verb of interlockctl: nobody there, no right to ask, nobody who reads.
#include <cstdio>
#include <fstream>

#include "program_case.h"
#include "tests/support/free_port.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

using Arguments = std::vector<std::string>;

// Each verb that asks the coordinator, as somebody would use it.
const std::vector<Arguments>& asking_verbs() {
  static const std::vector<Arguments> all{
      {"list"},
      {"get", "alice:a"},
      {"explain", "alice:a"},
      {"history", "alice:a"},
      {"outbox", "alice:a"},
      {"watch"},
      {"watch", "--follow"},
      {"top", "--count=1"},
      {"stats"},
      {"gateways"},
      {"kick", "alice:a", "--reason=x"},
      {"release", "alice:a", "--reason=x"},
      {"gateway", "drain", "3f1c", "--reason=x"},
      {"publish", "alice:a", "note", "1", "--idempotency_key=k"},
      {"delivery", "alice:a", "7", "--since=1"},
      {"delivery", "alice:a", "7", "--since=1", "--follow"}};
  return all;
}

class CtlVerbs : public ProgramCase {
 protected:
  CtlVerbs() { know("alice:a"); }

  // With a token of this text.
  Finished run_with(const std::string& token, Arguments arguments) {
    const std::string path = scratch_.path() + "/token";
    std::ofstream(path) << token << '\n';
    arguments.push_back("--token_file=" + path);
    return run(std::move(arguments));
  }

  ScratchDirectory scratch_;
};

TEST_F(CtlVerbs, WithoutACoordinatorEachSaysWhatToDoAndIsExitCode5) {
  const std::string nobody = "127.0.0.1:" + std::to_string(free_port());
  for (const Arguments& arguments : asking_verbs()) {
    Arguments all{interlockctl_path(), "--coordinator", nobody};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Finished got = Program(all).finish();
    EXPECT_EQ(got.exit_code, 5) << arguments.front();
    EXPECT_THAT(got.out, IsEmpty()) << arguments.front();
    EXPECT_THAT(lines_in(got.err), SizeIs(1)) << arguments.front();
    EXPECT_THAT(got.err, HasSubstr("Cannot reach " + nobody + ": is the coordinator running?"));
  }
}

TEST_F(CtlVerbs, NoTokenAndAWrongOneAndOneWithoutTheRoleAreToldApartByEach) {
  admin_.gate = admin_.events.gate = check_token;
  for (const Arguments& arguments : asking_verbs()) {
    const Finished none = run(arguments);
    EXPECT_EQ(none.exit_code, 4) << arguments.front();
    EXPECT_THAT(none.err, HasSubstr("give a token with --token_file=FILE"));
    const Finished wrong = run_with("guessed-token-of-mine", arguments);
    EXPECT_EQ(wrong.exit_code, 4) << arguments.front();
    EXPECT_THAT(wrong.err, HasSubstr("does not accept the token in"));
    EXPECT_THAT(wrong.err, Not(HasSubstr("guessed")));
    const Finished powerless = run_with("publisher", arguments);
    EXPECT_EQ(powerless.exit_code, 4) << arguments.front();
    EXPECT_THAT(powerless.err, HasSubstr("Permission denied: it needs the role"));
    for (const Finished& got : {none, wrong, powerless}) EXPECT_THAT(got.out, IsEmpty());
  }
}

TEST_F(CtlVerbs, AReaderWhoHasGoneIsNoFailureOfAny) {
  admin_.stats_looks.emplace_back();
  admin_.gateway_looks.emplace_back().add_gateways()->set_gateway_id("3f1c");
  admin_.findings.emplace_back().set_text("It is like this.");
  admin_.waiting.emplace_back().set_sequence(1);
  admin_.watched.emplace_back().set_missed(true);
  admin_.kicks.emplace_back().mutable_kicked()->set_key("alice:a");
  v1::DeliveryStatus& status = admin_.events.statuses.emplace_back();
  status.set_status(v1::DeliveryStatus::ACKNOWLEDGED);
  for (const Arguments& arguments : asking_verbs()) {
    std::string words;
    for (const std::string& word : arguments) words += " " + word;
    // `true` reads nothing and is gone before anything can be written.
    const Finished got =
        run_shell("mkfifo " + scratch_.path() + "/gone; true < " + scratch_.path() +
                  "/gone & exec 3> " + scratch_.path() + "/gone; wait; $ctl" + words +
                  " >&3; echo exit $?; rm " + scratch_.path() + "/gone");
    EXPECT_EQ(got.out, "exit 0\n") << words << got.err;
    EXPECT_THAT(got.err, Not(HasSubstr("interlockctl: "))) << words;
  }
}

TEST_F(CtlVerbs, EveryVerbHasHelpWithExamples) {
  const auto lines = lines_in(run({"completion", "fish"}).out);
  EXPECT_THAT(lines, Not(IsEmpty()));
  for (const char* verb :
       {"list",       "get",      "explain",  "history",      "outbox",       "watch",
        "top",        "stats",    "gateways", "kick",         "release",      "gateway drain",
        "publish",    "delivery", "test",     "store export", "store import", "lifecycle",
        "completion", "version",  "help"}) {
    const Finished got = run_shell("$ctl help " + std::string(verb));
    EXPECT_EQ(got.exit_code, 0) << verb;
    EXPECT_THAT(got.out, HasSubstr("\nExamples:\n  ")) << verb;
  }
}

TEST_F(CtlVerbs, AMistypedVerbIsAnsweredWithTheOneThatWasMeant) {
  for (const auto& [typed, meant] : std::vector<std::pair<std::string, std::string>>{
           {"wach", "watch"}, {"lits", "list"}, {"gatways", "gateways"}, {"pub", "publish"}}) {
    const Finished got = run({typed});
    EXPECT_EQ(got.exit_code, 2);
    EXPECT_THAT(got.err, HasSubstr("There is no verb \"" + typed + "\": did you mean \"" + meant));
  }
  EXPECT_THAT(run({"store", "exprot"}).err,
              HasSubstr("no verb \"store exprot\": did you mean \"store export\"?"));
  EXPECT_THAT(run({"frobnicate"}).err,
              HasSubstr("There is no verb \"frobnicate\"; interlockctl help lists them."));
}

TEST_F(CtlVerbs, TheFirstCoordinatorThatCanBeReachedIsAsked) {
  const std::string both = "127.0.0.1:" + std::to_string(free_port()) + "," + admin_.address();
  const Finished got =
      Program({interlockctl_path(), "--coordinator=" + both, "get", "alice:a"}).finish();
  EXPECT_EQ(got.exit_code, 0) << got.err;
}

// The scripts are tried out in the shell that is there everywhere.
class CtlCompletion : public ProgramCase {
 protected:
  // What bash would offer behind this line.
  std::vector<std::string> offered(const std::string& line) {
    const std::string driver = "source <(" + interlockctl_path() +
                               " completion bash); complete -p interlockctl >&2; "
                               "COMP_LINE='" +
                               line +
                               "'; COMP_POINT=${#COMP_LINE}; _interlockctl; "
                               "printf '%s\\n' \"${COMPREPLY[@]}\"";
    const Finished got = Program({"/bin/bash", "-c", driver}).finish();
    EXPECT_EQ(got.err, "complete -F _interlockctl interlockctl\n");
    return lines_in(got.out);
  }
};

TEST_F(CtlCompletion, VerbsAndTheirSecondWordsAreOffered) {
  EXPECT_THAT(offered("interlockctl wa"), testing::ElementsAre("watch"));
  EXPECT_THAT(offered("interlockctl "), testing::IsSupersetOf({"list", "store", "top", "test"}));
  EXPECT_THAT(offered("interlockctl store "), testing::IsSupersetOf({"export", "import"}));
  EXPECT_THAT(offered("interlockctl completion f"), testing::ElementsAre("fish"));
}

TEST_F(CtlCompletion, FlagsAreThoseOfTheVerbAndTheGlobalOnes) {
  EXPECT_THAT(offered("interlockctl kick alice:a --may"), testing::ElementsAre("--may_return"));
  EXPECT_THAT(offered("interlockctl list --f"), testing::ElementsAre("--filter="));
  EXPECT_THAT(offered("interlockctl list --co"), testing::ElementsAre("--coordinator="));
  EXPECT_THAT(offered("interlockctl gateway drain 3f --w"), testing::ElementsAre("--wait"));
}

// `h:1` is not taken for the verb, and what follows `=` is not completed with verbs.
TEST_F(CtlCompletion, ValuesAreSkippedAndFilesOfferedWhereFilesAreMeant) {
  EXPECT_THAT(offered("interlockctl --coordinator h:1 --json sta"), testing::ElementsAre("stats"));
  EXPECT_THAT(offered("interlockctl --coordinator=h:1 sta"), testing::ElementsAre("stats"));
  EXPECT_THAT(offered("interlockctl list --filter="), testing::Each(""));
  EXPECT_THAT(offered("interlockctl --token_file=/etc/hostn"),
              testing::ElementsAre("/etc/hostname"));
  EXPECT_THAT(offered("interlockctl store import x: /etc/hostn"),
              testing::ElementsAre("/etc/hostname"));
}

}  // namespace
}  // namespace interlock
