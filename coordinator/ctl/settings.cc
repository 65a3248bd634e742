#include "coordinator/ctl/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "absl/flags/flag.h"
#include "absl/strings/str_split.h"
#include "common/small_file.h"
#include "coordinator/ctl/text.h"

ABSL_FLAG(std::string, coordinator, "127.0.0.1:7400",
          "The coordinator to ask, as host:port; for the console also several, with commas.");
ABSL_FLAG(
    std::string, token_file, "",
    "A file with the token that says who is asking; needs the role READER, for changes OPERATOR.");
ABSL_FLAG(bool, json, false, "Answer in JSON, one object a line, with the field names of proto/.");
ABSL_FLAG(absl::Duration, timeout, absl::Seconds(5), "How long to wait for an answer.");

namespace interlock {
namespace {

constexpr std::size_t token_file_bytes_max = 8192;
constexpr std::size_t coordinators_max = 16;

const std::vector<std::string>& flag_names() {
  static const std::vector<std::string> names{"coordinator", "token_file", "json", "timeout"};
  return names;
}

// An HTTP/2 header can carry nothing else, and gRPC ends the process when it is asked to.
bool fits_a_header(const std::string& token) {
  return !token.empty() &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; });
}

// One address, or several with commas between them.
absl::StatusOr<std::vector<HostPort>> parse_coordinators(const std::string& text) {
  std::vector<HostPort> coordinators;
  const std::vector<std::string> parts = absl::StrSplit(text, ',');
  for (const std::string& one : parts) {
    const absl::StatusOr<HostPort> parsed = parse_host_port(one);
    if (!parsed.ok() || parsed->port == 0 || coordinators.size() == coordinators_max) {
      return absl::InvalidArgumentError(
          fmt::format("--coordinator does not accept \"{}\"; it takes host:port, such as "
                      "127.0.0.1:7400.",
                      escape_control(text)));
    }
    coordinators.push_back(*parsed);
  }
  return coordinators;
}

}  // namespace

absl::StatusOr<ToolSettings> read_tool_settings(const std::vector<std::string>& arguments,
                                                const Environment& environment) {
  std::vector<const char*> argv{"interlockctl"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  const auto rest =
      parse_settings(static_cast<int>(argv.size()), argv.data(), flag_names(), environment);
  if (!rest.ok()) return rest.status();

  auto coordinators = parse_coordinators(absl::GetFlag(FLAGS_coordinator));
  if (!coordinators.ok()) return coordinators.status();
  const absl::Duration timeout = absl::GetFlag(FLAGS_timeout);
  if (timeout <= absl::ZeroDuration() || timeout > absl::Hours(1)) {
    return absl::InvalidArgumentError(
        "--timeout takes a duration above zero and up to 1h, such as 5s.");
  }
  const HostPort first = coordinators->front();
  coordinators->erase(coordinators->begin());
  return ToolSettings{.coordinator = first,
                      .token_file = absl::GetFlag(FLAGS_token_file),
                      .json = absl::GetFlag(FLAGS_json),
                      .timeout = timeout,
                      .other_coordinators = *std::move(coordinators)};
}

std::optional<bool> global_flag_takes_value(std::string_view name) {
  if (name == "json" || name == "nojson") return false;
  const auto& names = flag_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) return std::nullopt;
  return true;
}

std::string describe_global_flags() { return describe_settings(flag_names()); }

absl::StatusOr<std::string> read_token(const ToolSettings& settings) {
  if (settings.token_file.empty()) return "";
  absl::StatusOr<std::string> token = read_small_file(settings.token_file, token_file_bytes_max);
  if (!token.ok()) return token.status();
  if (token->ends_with('\n')) token->pop_back();
  if (token->ends_with('\r')) token->pop_back();
  // Both programs know INTERLOCK_TOKEN_FILE, and the coordinator's file holds everybody's tokens.
  if (token->starts_with('[') || token->starts_with('{')) {
    return absl::InvalidArgumentError(
        fmt::format("The file \"{}\" looks like the coordinator's list of tokens; give a file that "
                    "holds one token and nothing else.",
                    escape_control(settings.token_file)));
  }
  if (!fits_a_header(*token)) {
    return absl::InvalidArgumentError(
        fmt::format("The file \"{}\" does not hold a token: one line of visible ASCII characters.",
                    escape_control(settings.token_file)));
  }
  return token;
}

}  // namespace interlock
