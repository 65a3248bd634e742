#include "coordinator/ctl/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "absl/flags/flag.h"
#include "common/small_file.h"
#include "coordinator/ctl/text.h"

ABSL_FLAG(std::string, coordinator, "127.0.0.1:7400",
          "The coordinator to ask, as host:port, or https://host[:port] with TLS; of several, "
          "separated by commas, the first that can be reached.");
ABSL_FLAG(
    std::string, token_file, "",
    "A file with the token that says who is asking; needs the role READER, for changes OPERATOR, "
    "to publish PUBLISHER.");
ABSL_FLAG(
    std::string, identity_token_file, "",
    "A file with an ID token for the coordinator's URL, such as `gcloud auth print-identity-token` "
    "prints: it opens Google's front end, and says who is asking where there is no --token_file.");
ABSL_FLAG(std::string, ca_file, "",
          "A file with the certificate authorities (PEM) that https:// coordinators are checked "
          "against; empty: the system's.");
ABSL_FLAG(std::string, cert_file, "",
          "A file with a client certificate (PEM), for a coordinator that asks for one.");
ABSL_FLAG(std::string, key_file, "", "A file with the key of --cert_file.");
ABSL_FLAG(bool, json, false, "Answer in JSON, one object a line, with the field names of proto/.");
ABSL_FLAG(absl::Duration, timeout, absl::Seconds(5), "How long to wait for an answer.");

namespace interlock {
namespace {

constexpr std::size_t token_file_bytes_max = 8192;
constexpr std::size_t coordinators_max = 16;

const std::vector<std::string>& flag_names() {
  static const std::vector<std::string> names{"coordinator", "token_file", "identity_token_file",
                                              "ca_file",     "cert_file",  "key_file",
                                              "json",        "timeout"};
  return names;
}

// An HTTP/2 header can carry nothing else, and gRPC ends the process when it is asked to.
bool fits_a_header(const std::string& token) {
  return !token.empty() &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; });
}

// At least one.
absl::StatusOr<std::vector<ServiceTarget>> parse_coordinators(const std::string& text) {
  std::vector<ServiceTarget> all;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const auto one = parse_service_target(text.substr(at, comma - at));
    if (!one.ok() || one->address.port == 0 || all.size() == coordinators_max) {
      return absl::InvalidArgumentError(
          fmt::format("--coordinator does not accept \"{}\"; it takes host:port, such as "
                      "127.0.0.1:7400, or https://host[:port], or up to {} of them separated by "
                      "commas.",
                      escape_control(text), coordinators_max));
    }
    all.push_back(*one);
    at = comma + 1;
  }
  return all;
}

absl::StatusOr<ChannelTls> tls_of(const std::vector<ServiceTarget>& coordinators) {
  const ChannelTls tls{.ca_file = absl::GetFlag(FLAGS_ca_file),
                       .cert_file = absl::GetFlag(FLAGS_cert_file),
                       .key_file = absl::GetFlag(FLAGS_key_file)};
  for (const ServiceTarget& one : coordinators) {
    if (tls.empty() || one.tls) continue;
    return absl::InvalidArgumentError(fmt::format(
        "--ca_file and --cert_file are for coordinators that are https://...; {} is not.",
        to_string(one)));
  }
  if (absl::Status status = check(tls); !status.ok()) return status;
  return tls;
}

}  // namespace

absl::StatusOr<ToolSettings> read_tool_settings(const std::vector<std::string>& arguments,
                                                const Environment& environment) {
  std::vector<const char*> argv{"interlockctl"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  const auto rest =
      parse_settings(static_cast<int>(argv.size()), argv.data(), flag_names(), environment);
  if (!rest.ok()) return rest.status();

  const auto coordinators = parse_coordinators(absl::GetFlag(FLAGS_coordinator));
  if (!coordinators.ok()) return coordinators.status();
  auto tls = tls_of(*coordinators);
  if (!tls.ok()) return tls.status();
  const absl::Duration timeout = absl::GetFlag(FLAGS_timeout);
  if (timeout <= absl::ZeroDuration() || timeout > absl::Hours(1)) {
    return absl::InvalidArgumentError(
        "--timeout takes a duration above zero and up to 1h, such as 5s.");
  }
  return ToolSettings{.coordinator = coordinators->front(),
                      .token_file = absl::GetFlag(FLAGS_token_file),
                      .json = absl::GetFlag(FLAGS_json),
                      .timeout = timeout,
                      .identity_token_file = absl::GetFlag(FLAGS_identity_token_file),
                      .others = {coordinators->begin() + 1, coordinators->end()},
                      .tls = *std::move(tls)};
}

std::optional<bool> global_flag_takes_value(std::string_view name) {
  if (name == "json" || name == "nojson") return false;
  const auto& names = flag_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) return std::nullopt;
  return true;
}

const std::vector<std::string>& global_flag_names() { return flag_names(); }

std::string describe_global_flags() { return describe_settings(flag_names()); }

absl::StatusOr<std::string> read_token(const ToolSettings& settings) {
  return read_token_file(settings.token_file);
}

absl::StatusOr<std::string> read_identity_token(const ToolSettings& settings) {
  return read_token_file(settings.identity_token_file);
}

absl::StatusOr<std::string> read_token_file(const std::string& path) {
  if (path.empty()) return "";
  absl::StatusOr<std::string> token = read_small_file(path, token_file_bytes_max);
  if (!token.ok()) return token.status();
  if (token->ends_with('\n')) token->pop_back();
  if (token->ends_with('\r')) token->pop_back();
  // Both programs know INTERLOCK_TOKEN_FILE, and the coordinator's file holds everybody's tokens.
  if (token->starts_with('[') || token->starts_with('{')) {
    return absl::InvalidArgumentError(
        fmt::format("The file \"{}\" looks like the coordinator's list of tokens; give a file that "
                    "holds one token and nothing else.",
                    escape_control(path)));
  }
  if (!fits_a_header(*token)) {
    return absl::InvalidArgumentError(
        fmt::format("The file \"{}\" does not hold a token: one line of visible ASCII characters.",
                    escape_control(path)));
  }
  return token;
}

}  // namespace interlock
