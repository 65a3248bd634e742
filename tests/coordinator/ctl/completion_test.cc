#include "coordinator/ctl/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "coordinator/ctl/settings.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

using testing::HasSubstr;

TEST(Completion, EveryShellKnowsEveryVerbAndFlag) {
  const std::vector<Verb> verbs = all_verbs();
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion_script(shell, verbs);
    ASSERT_TRUE(script.has_value()) << shell;
    for (const Verb& verb : verbs) {
      EXPECT_THAT(*script, HasSubstr(verb.name.substr(verb.name.find(' ') + 1)));
      for (const VerbFlag& flag : verb.flags) EXPECT_THAT(*script, HasSubstr(flag.name));
    }
    for (const char* hole : {"@FIND@", "@VALUED@", "@FILES@", "@PARENTS@", "@GLOBAL@", "@CASES@"}) {
      EXPECT_EQ(script->find(hole), std::string::npos) << shell << " " << hole;
    }
  }
  EXPECT_FALSE(completion_script("tcsh", verbs).has_value());
}

// The scripts skip the value behind `--flag` without asking whose flag it is.
TEST(Completion, AFlagTakesAValueInEveryVerbOrInNone) {
  std::map<std::string, bool> takes_value;
  for (const std::string& name : global_flag_names()) {
    takes_value[name] = *global_flag_takes_value(name);
  }
  for (const Verb& verb : all_verbs()) {
    for (const VerbFlag& flag : verb.flags) {
      const bool valued = !flag.value.empty();
      EXPECT_EQ(takes_value.emplace(flag.name, valued).first->second, valued)
          << verb.name << " --" << flag.name;
    }
  }
}

}  // namespace
}  // namespace interlock
