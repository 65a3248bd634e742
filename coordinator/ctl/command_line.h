// Reads what the operator typed.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/ctl/verb.h"

namespace interlock {

struct CommandLine {
  std::vector<std::string> global_arguments;  // flags only
  Verb verb;
  VerbArguments arguments;
};

// `arguments` is what follows the program's name. Global flags may stand before or behind the verb;
// a flag's value may follow `=` or be the next argument; behind `--` everything is an operand.
// `--help` anywhere becomes the verb `help`, `--version` before the verb becomes `version`.
// INVALID_ARGUMENT is a sentence that says what is expected.
absl::StatusOr<CommandLine> parse_command_line(const std::vector<std::string>& arguments,
                                               const std::vector<Verb>& verbs);

// `interlockctl get KEY [--latest]`
std::string usage_of(const Verb& verb);

}  // namespace interlock
