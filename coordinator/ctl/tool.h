// The whole tool, from what was typed to the exit code.
#pragma once

#include <string>
#include <vector>

#include "common/settings.h"
#include "coordinator/ctl/output.h"

namespace interlock {

// `arguments` is what follows the program's name. Prints at most one sentence about what went
// wrong.
int run_tool(const std::vector<std::string>& arguments, const Environment& environment,
             Output& output);

}  // namespace interlock
