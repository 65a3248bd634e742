#include "gateway/config.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/strings/ascii.h"
#include "common/small_file.h"
#include "gateway/config_limits.h"
#include "gateway/config_parts.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:8080", "Where clients connect (host:port).");
ABSL_FLAG(std::string, http_listen, "127.0.0.1:8090",
          "Where /health/live, /health/ready and /metrics are served (host:port).");
ABSL_FLAG(std::string, coordinator, "127.0.0.1:7400",
          "The coordinators: host:port, or https://host[:port] with TLS; several of them separated "
          "by commas.");
ABSL_FLAG(std::string, coordinator_token_file, "",
          "File with the token that the coordinator knows as a gateway's; empty: none is sent.");
ABSL_FLAG(std::string, auth, "jwt",
          "Who may connect: jwt (bearer tokens, HS256) or none (everybody, on loopback only).");
ABSL_FLAG(std::string, auth_key_file, "", "File with the key of --auth=jwt.");
ABSL_FLAG(std::string, duplicates, "take_over",
          "What a second connection of a session does to a live first one: take_over or reject.");
ABSL_FLAG(std::string, static_dir, "",
          "Folder with the few files of a page, read at the start; empty: none are served.");
ABSL_FLAG(
    std::string, http_api, "auto",
    "Whether backends may publish over HTTP, with tokens of the coordinator: on, off, or auto: "
    "with --coordinator_token_file or --auth=none.");
ABSL_FLAG(std::string, log_level, "info", "debug, info, notice, warning or error.");
namespace interlock {
namespace {

const std::vector<std::string> own_flags = {
    "listen",    "http_listen",   "coordinator", "coordinator_token_file",
    "auth",      "auth_key_file", "duplicates",  "static_dir",
    "log_level", "http_api"};

absl::Status refused(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

absl::StatusOr<HostPort> address(const char* flag, const std::string& text) {
  auto parsed = parse_host_port(text);
  if (parsed.ok()) return parsed;
  return refused(fmt::format("--{} does not accept \"{}\": {}", flag, text,
                             std::string(parsed.status().message())));
}

// ---- whom it speaks to ----

// `host:port`, or `https://host:port`, as make_channel takes it.
absl::StatusOr<std::string> coordinator_target(const std::string& text) {
  constexpr std::string_view tls = "https://";
  if (text.find("://") == std::string::npos) {
    const auto plain = address("coordinator", text);
    if (!plain.ok()) return plain.status();
    return to_string(*plain);
  }
  std::string authority = text.starts_with(tls) ? text.substr(tls.size()) : "";
  if (authority.ends_with('/')) authority.pop_back();
  const auto colon = authority.rfind(':');
  if (colon == std::string::npos || authority.ends_with(']')) authority += ":443";
  const auto parsed = parse_host_port(authority);
  if (parsed.ok()) return std::string(tls) + to_string(*parsed);
  return refused("--coordinator does not accept \"" + text +
                 "\"; a URL is https://host or https://host:port, without a path.");
}

absl::Status read_coordinators(GatewayConfig& config) {
  std::string rest = absl::GetFlag(FLAGS_coordinator);
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const std::string one = rest.substr(0, comma);
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    auto target = coordinator_target(one);
    if (!target.ok()) return target.status();
    config.coordinators.push_back(*std::move(target));
  }
  if (config.coordinators.empty()) {
    return refused("--coordinator is empty; without one there are no connections.");
  }
  auto token = read_token(absl::GetFlag(FLAGS_coordinator_token_file));
  if (!token.ok()) return token.status();
  config.coordinator_token = *std::move(token);
  return absl::OkStatus();
}

// ---- whom it lets in ----

absl::Status read_authentication(GatewayConfig& config) {
  const std::string auth = absl::GetFlag(FLAGS_auth);
  const std::string key_file = absl::GetFlag(FLAGS_auth_key_file);
  if (auth == "none") {
    if (!key_file.empty()) return refused("--auth=none has no use for an --auth_key_file.");
    if (is_loopback(config.listen.host)) return absl::OkStatus();
    return refused(
        "--auth=none lets everybody in as \"anonymous\", so it is allowed on a loopback "
        "address only; --listen is " +
        to_string(config.listen) + ".");
  }
  if (auth != "jwt") return refused("--auth is \"" + auth + "\"; it takes jwt or none.");
  if (key_file.empty()) {
    return refused(
        "--auth=jwt needs an --auth_key_file; on a loopback address --auth=none does "
        "without.");
  }
  auto verifier = TokenVerifier::from_hs256_key_file(key_file);
  if (!verifier.ok()) return verifier.status();
  config.verifier.emplace(*std::move(verifier));
  return absl::OkStatus();
}

absl::Status read_duplicates(GatewayConfig& config) {
  const std::string duplicates = absl::GetFlag(FLAGS_duplicates);
  if (duplicates != "take_over" && duplicates != "reject") {
    return refused("--duplicates is \"" + duplicates + "\"; it takes take_over or reject.");
  }
  config.duplicates = duplicates == "reject" ? v1::REJECT : v1::TAKE_OVER;
  return absl::OkStatus();
}

// Where the gateway needs no token, the coordinator asks nobody for one: whoever reaches this
// gateway could then publish to everybody. With --auth=none they are on this machine.
absl::Status read_http_api(GatewayConfig& config) {
  const std::string http_api = absl::GetFlag(FLAGS_http_api);
  if (http_api != "on" && http_api != "off" && http_api != "auto") {
    return refused("--http_api is \"" + http_api + "\"; it takes on, off or auto.");
  }
  const bool guarded = !config.coordinator_token.empty() || !config.verifier;
  config.http_api = http_api == "on" || (http_api == "auto" && guarded);
  return absl::OkStatus();
}

absl::Status read_traces(GatewayConfig& config) {
  auto traces = read_trace_settings();
  if (traces.ok()) config.traces = *std::move(traces);
  return traces.status();
}

absl::StatusOr<GatewayConfig> checked_config() {
  GatewayConfig config;
  const auto listen = address("listen", absl::GetFlag(FLAGS_listen));
  if (!listen.ok()) return listen.status();
  const auto http_listen = address("http_listen", absl::GetFlag(FLAGS_http_listen));
  if (!http_listen.ok()) return http_listen.status();
  const auto level = parse_log_level(absl::GetFlag(FLAGS_log_level));
  if (!level.ok()) return level.status();
  config.listen = *listen;
  config.http_listen = *http_listen;
  config.log_level = *level;
  for (const auto read : {read_coordinators, read_backend, read_authentication, read_http_api,
                          read_duplicates, read_limits, read_traces}) {
    if (auto status = read(config); !status.ok()) return status;
  }
  if (const std::string folder = absl::GetFlag(FLAGS_static_dir); !folder.empty()) {
    auto files = StaticFiles::load(folder);
    if (!files.ok()) return files.status();
    config.files = *std::move(files);
  }
  return config;
}

}  // namespace

absl::StatusOr<std::string> read_token(const std::string& path) {
  if (path.empty()) return std::string();
  auto token = read_small_file(path, token_bytes_max);
  if (!token.ok()) return token;
  absl::StripAsciiWhitespace(&*token);
  if (token->empty()) return refused(path + " is empty.");
  return token;
}

absl::StatusOr<GatewayConfig> read_gateway_config(int argc, const char* const* argv,
                                                  const Environment& environment) {
  std::vector<std::string> flags = own_flags;
  flags.insert(flags.end(), backend_flags.begin(), backend_flags.end());
  flags.insert(flags.end(), limit_flags.begin(), limit_flags.end());
  flags.insert(flags.end(), trace_flags.begin(), trace_flags.end());
  const auto rest = parse_settings(argc, argv, flags, environment);
  if (!rest.ok()) return rest.status();
  if (!rest->empty()) return refused("\"" + rest->front() + "\" is not a flag.");
  return checked_config();
}

}  // namespace interlock
