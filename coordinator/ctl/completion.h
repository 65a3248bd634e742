// What a shell needs to complete a command line, made from the table of verbs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/ctl/verb.h"

namespace interlock {

// The script for `bash`, `zsh` or `fish`; nothing for any other shell.
std::optional<std::string> completion_script(std::string_view shell,
                                             const std::vector<Verb>& verbs);

}  // namespace interlock
