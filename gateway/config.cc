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
ABSL_FLAG(std::string, duplicates, "take_over",
          "What a second connection of a session does to a live first one: take_over or reject.");
ABSL_FLAG(std::string, static_dir, "",
          "Folder with the few files of a page, read at the start; empty: none are served.");
ABSL_FLAG(
    std::string, http_api, "auto",
    "Whether backends may publish over HTTP, with tokens of the coordinator: on, off, or auto: "
    "where this gateway proves what it is to its coordinator, or with --auth=none.");
ABSL_FLAG(std::string, log_level, "info", "debug, info, notice, warning or error.");
namespace interlock {
namespace {

const std::vector<std::string> own_flags = {
    "listen", "http_listen", "duplicates", "static_dir", "log_level", "http_api"};

absl::Status refused(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

absl::StatusOr<HostPort> address(const char* flag, const std::string& text) {
  auto parsed = parse_host_port(text);
  if (parsed.ok()) return parsed;
  return refused(fmt::format("--{} does not accept \"{}\": {}", flag, text,
                             std::string(parsed.status().message())));
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
  const bool guarded = !config.coordinator_token.empty() || config.metadata ||
                       !config.coordinator_cert_file.empty() || config.open;
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
  for (const auto read : {read_coordinator, read_backend, read_clients, read_http_api,
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
  flags.insert(flags.end(), coordinator_flags.begin(), coordinator_flags.end());
  flags.insert(flags.end(), client_flags.begin(), client_flags.end());
  flags.insert(flags.end(), backend_flags.begin(), backend_flags.end());
  flags.insert(flags.end(), limit_flags.begin(), limit_flags.end());
  flags.insert(flags.end(), trace_flags.begin(), trace_flags.end());
  const auto rest = parse_settings(argc, argv, flags, environment);
  if (!rest.ok()) return rest.status();
  if (!rest->empty()) return refused("\"" + rest->front() + "\" is not a flag.");
  return checked_config();
}

}  // namespace interlock
