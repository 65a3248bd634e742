// The verb that teaches a shell the others: completion.
#include <fmt/format.h>

#include "coordinator/ctl/completion.h"
#include "coordinator/ctl/text.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

Outcome run_completion(Tool& tool, const VerbArguments& arguments) {
  const auto script = completion_script(arguments.operands.front(), all_verbs());
  if (!script) {
    return Failure{
        ExitCode::kUsage,
        fmt::format("There is no completion for \"{}\"; there is for bash, zsh and fish.",
                    escape_control(arguments.operands.front()))};
  }
  tool.output.print(*script);
  return std::nullopt;
}

}  // namespace

Verb completion_verb() {
  return {.name = "completion",
          .operands = "bash|zsh|fish",
          .operands_min = 1,
          .operands_max = 1,
          .flags = {},
          .summary = "A script with which a shell completes verbs and flags",
          .description =
              "Made from the table of verbs of this build. Read it into a shell, or keep it where "
              "the shell looks: ~/.local/share/bash-completion/completions/interlockctl, "
              "_interlockctl in a folder of zsh's fpath, "
              "~/.config/fish/completions/interlockctl.fish. Asks no coordinator.",
          .examples = {"source <(interlockctl completion bash)",
                       "interlockctl completion fish | source"},
          .run = run_completion};
}

}  // namespace interlock
