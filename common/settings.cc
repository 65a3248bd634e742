#include "common/settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <optional>
#include <string_view>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/reflection.h"
#include "absl/flags/usage.h"
#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "common/version.h"

namespace interlock {
namespace {

constexpr std::string_view prefix = "INTERLOCK_";
constexpr std::size_t misspelling_edits_max = 2;

absl::CommandLineFlag& find_flag(const std::string& name) {
  absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
  if (flag == nullptr) {
    std::fprintf(stderr, "The flag --%s is listed but was never defined.\n", name.c_str());
    std::abort();
  }
  return *flag;
}

std::string variable_of(const std::string& flag) {
  return std::string(prefix) + absl::AsciiStrToUpper(flag);
}

std::string base_name(const std::string& program) { return program.substr(program.rfind('/') + 1); }

template <typename Integer>
std::string whole_number() {
  using Limits = std::numeric_limits<Integer>;
  return fmt::format("a whole number from {} to {}", Limits::min(), Limits::max());
}

// Empty when the flag's own parser has to explain it.
std::string accepted_by(const absl::CommandLineFlag& flag) {
  if (flag.IsOfType<bool>()) return "true or false";
  if (flag.IsOfType<std::int32_t>()) return whole_number<std::int32_t>();
  if (flag.IsOfType<std::uint32_t>()) return whole_number<std::uint32_t>();
  if (flag.IsOfType<std::int64_t>()) return whole_number<std::int64_t>();
  if (flag.IsOfType<std::uint64_t>()) return whole_number<std::uint64_t>();
  if (flag.IsOfType<double>() || flag.IsOfType<float>()) return "a number";
  if (flag.IsOfType<absl::Duration>()) return "a duration such as 500ms, 15s or 10m";
  return "";
}

// `source` is what the person wrote: `--name` or the variable.
absl::Status set_flag(const std::string& name, const std::string& value,
                      const std::string& source) {
  absl::CommandLineFlag& flag = find_flag(name);
  std::string error;
  if (flag.ParseFrom(value, &error)) return absl::OkStatus();
  const std::string accepted = accepted_by(flag);
  return absl::InvalidArgumentError(
      accepted.empty()
          ? fmt::format("{} does not accept \"{}\": {}", source, value, error)
          : fmt::format("{} does not accept \"{}\"; it takes {}.", source, value, accepted));
}

// Levenshtein's distance, one row at a time.
std::size_t edits_between(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::optional<std::string> nearest(std::string_view wrong, const std::vector<std::string>& right) {
  std::optional<std::string> best;
  std::size_t edits_best = misspelling_edits_max + 1;
  for (const std::string& candidate : right) {
    const std::size_t edits = edits_between(wrong, candidate);
    if (edits >= edits_best) continue;
    edits_best = edits;
    best = candidate;
  }
  return best;
}

bool listed(const std::vector<std::string>& flags, const std::string& name) {
  return std::find(flags.begin(), flags.end(), name) != flags.end();
}

void warn_of_misspelt_variables(const Environment& environment,
                                const std::vector<std::string>& flags) {
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(prefix)) continue;
    const std::string meant = absl::AsciiStrToLower(name.substr(prefix.size()));
    if (listed(flags, meant)) continue;
    if (const auto flag = nearest(meant, flags)) {
      fmt::print(stderr, "Warning: the variable {} is ignored; did you mean {}?\n", name,
                 variable_of(*flag));
    }
  }
}

// Cloud Run's container contract: listen on 0.0.0.0 at the port in $PORT.
absl::Status apply_port(const std::string& value) {
  const absl::StatusOr<int> port = parse_port(value);
  if (!port.ok() || *port == 0) {
    return absl::InvalidArgumentError(
        fmt::format("PORT does not accept \"{}\"; it takes a port from 1 to 65535.", value));
  }
  return set_flag("listen", to_string(HostPort{"0.0.0.0", *port}), "PORT");
}

absl::Status apply_environment(const Environment& environment,
                               const std::vector<std::string>& flags) {
  for (const std::string& flag : flags) {
    const auto variable = environment.find(variable_of(flag));
    if (variable == environment.end()) continue;
    absl::Status status = set_flag(flag, variable->second, variable->first);
    if (!status.ok()) return status;
  }
  const auto port = environment.find("PORT");
  if (port == environment.end() || !listed(flags, "listen")) return absl::OkStatus();
  return apply_port(port->second);
}

// Walks over the arguments once, setting flags and collecting the rest.
class CommandLine {
 public:
  CommandLine(std::vector<std::string> arguments, const std::vector<std::string>& flags)
      : arguments_(std::move(arguments)), flags_(flags) {}

  absl::StatusOr<std::vector<std::string>> apply() {
    while (next_ < arguments_.size()) {
      const std::string& argument = arguments_[next_++];
      if (argument == "--") {
        rest_.insert(rest_.end(), arguments_.begin() + static_cast<std::ptrdiff_t>(next_),
                     arguments_.end());
        break;
      }
      if (argument.size() < 2 || argument.front() != '-') {
        rest_.push_back(argument);
        continue;
      }
      absl::Status status = apply_flag(argument.substr(argument[1] == '-' ? 2 : 1));
      if (!status.ok()) return status;
    }
    return std::move(rest_);
  }

 private:
  absl::Status apply_flag(const std::string& text) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (!listed(flags_, name)) return apply_negation(name, equals != std::string::npos);
    if (equals != std::string::npos) return set_flag(name, text.substr(equals + 1), "--" + name);
    if (find_flag(name).IsOfType<bool>()) return set_flag(name, "true", "--" + name);
    if (next_ == arguments_.size()) {
      return absl::InvalidArgumentError(fmt::format("--{} needs a value behind it.", name));
    }
    return set_flag(name, arguments_[next_++], "--" + name);
  }

  // `name` is no flag; `noname` may switch one off.
  absl::Status apply_negation(const std::string& name, bool has_value) {
    const std::string positive = name.starts_with("no") ? name.substr(2) : "";
    if (!has_value && listed(flags_, positive) && find_flag(positive).IsOfType<bool>()) {
      return set_flag(positive, "false", "--" + name);
    }
    const auto meant = nearest(name, flags_);
    return absl::InvalidArgumentError(
        meant ? fmt::format("There is no flag --{}; did you mean --{}?", name, *meant)
              : fmt::format("There is no flag --{}; --help lists them.", name));
  }

  std::vector<std::string> arguments_;
  const std::vector<std::string>& flags_;
  std::size_t next_ = 0;
  std::vector<std::string> rest_;
};

// Ends the process if its first argument that says so asks for help or the version.
void answer_questions(const std::string& program, const std::vector<std::string>& arguments,
                      const std::vector<std::string>& flags) {
  for (const std::string& argument : arguments) {
    if (argument == "--") return;
    if (argument == "--version") {
      fmt::print("{} {}\n", program, version());
      std::exit(EXIT_SUCCESS);
    }
    if (argument == "--help" || argument == "-h") {
      const std::string usage(absl::ProgramUsageMessage());
      const bool given = !usage.starts_with("Warning:");
      fmt::print("{}\n\n{}", given ? usage : program + " [flags]", describe_settings(flags));
      std::exit(EXIT_SUCCESS);
    }
  }
}

}  // namespace

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return environment;
}

absl::StatusOr<std::vector<std::string>> parse_settings(int argc, const char* const* argv,
                                                        const std::vector<std::string>& flags,
                                                        const Environment& environment) {
  const std::string program = argc > 0 ? base_name(argv[0]) : "";
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  answer_questions(program, arguments, flags);
  warn_of_misspelt_variables(environment, flags);
  absl::Status status = apply_environment(environment, flags);
  if (!status.ok()) return status;
  return CommandLine(arguments, flags).apply();
}

std::string describe_settings(const std::vector<std::string>& flags) {
  std::string out;
  for (const std::string& name : flags) {
    const absl::CommandLineFlag& flag = find_flag(name);
    out += fmt::format("  --{}  (default \"{}\", variable {})\n      {}\n", name,
                       flag.DefaultValue(), variable_of(name), flag.Help());
  }
  return out;
}

int refuse_settings(const std::string& program, const absl::Status& status) {
  fmt::print(stderr, "{}: {}\n", base_name(program), std::string(status.message()));
  return bad_settings_exit_code;
}

}  // namespace interlock
