// The verb that shows the rules: lifecycle.
#include "coordinator/ctl/lifecycle_drawing.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

Outcome run_lifecycle(Tool& tool, const VerbArguments&) {
  tool.output.print(tool.settings.json ? lifecycle_json()
                                       : draw_lifecycle(tool.output.utf8(), tool.output.colour()));
  return std::nullopt;
}

}  // namespace

Verb lifecycle_verb() {
  return {.name = "lifecycle",
          .operands = "",
          .operands_min = 0,
          .operands_max = 0,
          .flags = {},
          .summary = "The states of a connection and the only ways between them",
          .description =
              "Drawn from the table that this build checks every transition against. "
              "Asks no coordinator.",
          .examples = {"interlockctl lifecycle", "interlockctl --json lifecycle"},
          .run = run_lifecycle};
}

}  // namespace interlock
