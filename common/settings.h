// What the person who starts the program wants of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/host_port.h"   // the two shapes
#include "common/small_file.h"  // that settings most often have

namespace interlock {

using Environment = std::map<std::string, std::string>;

// The environment that this process was started with.
Environment process_environment();

// Sets the Abseil flags that the program defined and whose names it lists in `flags`, from, highest
// first: the command line (`--name=value`, `--name value`, `--name` and `--noname` for booleans;
// `--` ends them); `PORT`, which makes `--listen` "0.0.0.0:$PORT" as Cloud Run asks; the variable
// INTERLOCK_<NAME>; the flag's default.
//
// Returns the arguments that are not flags, in order, without the program's name. INVALID_ARGUMENT
// is a sentence that names the flag or variable, the value, and what is accepted. A variable
// INTERLOCK_* that looks like a misspelt flag is warned of on stderr. `--help` and `--version` are
// answered on stdout and end the process with 0; absl::SetProgramUsageMessage, when it was called,
// stands at the top of the help.
//
// (absl::ParseCommandLine is not used: it ends the process itself, with code 1.)
absl::StatusOr<std::vector<std::string>> parse_settings(
    int argc, const char* const* argv, const std::vector<std::string>& flags,
    const Environment& environment = process_environment());

// The list of flags as `--help` shows it.
std::string describe_settings(const std::vector<std::string>& flags);

// What main() returns when its settings are nonsense; as sysexits and getopt programs do.
inline constexpr int bad_settings_exit_code = 2;

// Writes the sentence to stderr, behind the program's name, and returns bad_settings_exit_code:
// `return refuse_settings(argv[0], config.status());`
int refuse_settings(const std::string& program, const absl::Status& status);

}  // namespace interlock
