#include "deploy/demo/agent/config.h"

#include <fmt/format.h>

#include <cstdint>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "common/settings.h"
#include "common/small_file.h"
#include "common/token.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:7500",
          "Where gateways call the agent (gRPC, host:port).");
ABSL_FLAG(std::string, http_listen, "",
          "Where /health/live, /health/ready and /metrics are served; empty: nowhere.");
ABSL_FLAG(std::string, coordinator, "127.0.0.1:7400",
          "The coordinator that events are published to: host:port, or https://host[:port] with "
          "TLS.");
ABSL_FLAG(std::string, coordinator_token_file, "",
          "File with the token that the coordinator knows as a publisher's; empty: none is sent.");
ABSL_FLAG(std::string, coordinator_ca_file, "",
          "File with the certificate authorities (PEM) that an https:// coordinator is checked "
          "against; empty: the system's.");
ABSL_FLAG(std::string, coordinator_cert_file, "",
          "File with the agent's client certificate (PEM), for a coordinator that asks for one.");
ABSL_FLAG(std::string, coordinator_key_file, "", "File with the key of --coordinator_cert_file.");
ABSL_FLAG(absl::Duration, pause, absl::Milliseconds(400), "Between two events of an agent run.");
ABSL_FLAG(std::uint32_t, tokens, 3,
          "How many transient tokens the agent says while it thinks, 0 to 1000.");

namespace interlock {
namespace {

constexpr absl::Duration pause_max = absl::Minutes(5);  // a run silent for 10 min is over
constexpr std::uint32_t tokens_max = 1000;

absl::StatusOr<HostPort> address(const std::string& flag, const std::string& text) {
  auto parsed = parse_host_port(text);
  if (parsed.ok()) return parsed;
  return absl::InvalidArgumentError(fmt::format("--{} does not accept \"{}\": {}", flag, text,
                                                std::string(parsed.status().message())));
}

absl::StatusOr<RunSettings> run_settings() {
  RunSettings run;
  const absl::Duration pause = absl::GetFlag(FLAGS_pause);
  if (pause < absl::ZeroDuration() || pause > pause_max) {
    return absl::InvalidArgumentError("--pause is from 0 to 5m.");
  }
  run.pause_ms = absl::ToInt64Milliseconds(pause);
  run.tokens = absl::GetFlag(FLAGS_tokens);
  if (run.tokens > tokens_max) return absl::InvalidArgumentError("--tokens is at most 1000.");
  return run;
}

absl::StatusOr<std::string> coordinator_token() {
  const std::string path = absl::GetFlag(FLAGS_coordinator_token_file);
  if (path.empty()) return std::string();
  auto token = read_small_file(path, token_bytes_max);
  if (!token.ok()) return token;
  absl::StripAsciiWhitespace(&*token);
  if (token->empty()) return absl::InvalidArgumentError(fmt::format("{} is empty.", path));
  return token;
}

absl::Status read_coordinator(AgentConfig& config) {
  const std::string text = absl::GetFlag(FLAGS_coordinator);
  const auto coordinator = parse_service_target(text);
  if (!coordinator.ok()) {
    return absl::InvalidArgumentError(fmt::format("--coordinator does not accept \"{}\": {}", text,
                                                  std::string(coordinator.status().message())));
  }
  config.coordinator = *coordinator;
  config.coordinator_tls = {.ca_file = absl::GetFlag(FLAGS_coordinator_ca_file),
                            .cert_file = absl::GetFlag(FLAGS_coordinator_cert_file),
                            .key_file = absl::GetFlag(FLAGS_coordinator_key_file)};
  if (!config.coordinator_tls.empty() && !coordinator->tls) {
    return absl::InvalidArgumentError(
        "Certificates are for a --coordinator that is https://...; " + text + " is not.");
  }
  return check(config.coordinator_tls);
}

absl::StatusOr<AgentConfig> checked_config() {
  AgentConfig config;
  const auto listen = address("listen", absl::GetFlag(FLAGS_listen));
  if (!listen.ok()) return listen.status();
  config.listen = *listen;
  if (auto status = read_coordinator(config); !status.ok()) return status;
  if (const std::string text = absl::GetFlag(FLAGS_http_listen); !text.empty()) {
    const auto http_listen = address("http_listen", text);
    if (!http_listen.ok()) return http_listen.status();
    config.http_listen = *http_listen;
  }
  auto token = coordinator_token();
  if (!token.ok()) return token.status();
  config.coordinator_token = *std::move(token);
  const auto run = run_settings();
  if (!run.ok()) return run.status();
  config.agent.run = *run;
  return config;
}

}  // namespace

absl::StatusOr<AgentConfig> read_config(int argc, const char* const* argv) {
  absl::SetProgramUsageMessage(
      "The sample backend of Interlock's demonstration: plays an agent run of five events for each "
      "message.");
  const auto rest = parse_settings(
      argc, argv,
      {"listen", "http_listen", "coordinator", "coordinator_token_file", "coordinator_ca_file",
       "coordinator_cert_file", "coordinator_key_file", "pause", "tokens"});
  if (!rest.ok()) return rest.status();
  if (!rest->empty()) {
    return absl::InvalidArgumentError(fmt::format("\"{}\" is not a flag.", rest->front()));
  }
  return checked_config();
}

}  // namespace interlock
