#include "coordinator/config.h"

#include <algorithm>

#include "absl/flags/flag.h"
#include "absl/time/time.h"
#include "common/settings.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:7400", "host:port for gateways, backends and operators");
ABSL_FLAG(std::string, http_listen, "127.0.0.1:7401", "host:port for health and metrics");
ABSL_FLAG(std::string, store, "rocksdb:interlock-data",
          "where the truth is kept: memory: (lost at exit) or rocksdb:DIR");
ABSL_FLAG(bool, volatile_ok, false,
          "allow rocksdb where the container's disk is memory (K_SERVICE is set)");
ABSL_FLAG(std::string, auth, "token",
          "none (everybody is anonymous with all roles; loopback only) or token");
ABSL_FLAG(std::string, token_file, "",
          "JSON array of {\"token\", \"role\", \"subject\"}; needed with --auth=token");
ABSL_FLAG(std::string, log_level, "info", "debug, info, notice, warning or error");
ABSL_FLAG(absl::Duration, heartbeat, absl::Seconds(5), "how often gateways send a heartbeat");
ABSL_FLAG(std::uint64_t, outbox_events_max, 1000, "events that a connection's outbox may hold");
ABSL_FLAG(std::uint64_t, outbox_bytes_max, 1024 * 1024,
          "payload bytes that a connection's outbox may hold");
ABSL_FLAG(std::uint64_t, waiting_commands_max, 200'000,
          "commands that may wait for a decision; further ones are answered NOT_NOW");

namespace interlock {
namespace {

const std::vector<std::string> kFlags = {
    "listen",    "http_listen", "store",             "volatile_ok",      "auth",
    "token_file", "log_level",  "heartbeat",         "outbox_events_max", "outbox_bytes_max",
    "waiting_commands_max"};

absl::Status check_authentication(CoordinatorConfig& config) {
  const std::string auth = absl::GetFlag(FLAGS_auth);
  config.token_file = absl::GetFlag(FLAGS_token_file);
  if (auth != "none" && auth != "token") {
    return absl::InvalidArgumentError("--auth is '" + auth + "'; it may be none or token");
  }
  config.open = auth == "none";
  if (config.open && !is_loopback(config.listen.host)) {
    return absl::InvalidArgumentError(
        "--auth=none gives everybody every role, so it is only allowed on a loopback address; "
        "--listen is " + to_string(config.listen) + ". Use --auth=token with a --token_file");
  }
  if (!config.open && config.token_file.empty()) {
    return absl::InvalidArgumentError(
        "--auth=token needs a --token_file; on a loopback address, --auth=none does without");
  }
  return absl::OkStatus();
}

absl::Status between(const char* flag, std::uint64_t value, std::uint64_t low, std::uint64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError("--" + std::string(flag) + " is " + std::to_string(value) +
                                    "; it may be " + std::to_string(low) + " to " +
                                    std::to_string(high));
}

absl::Status check_limits(CoordinatorConfig& config) {
  const auto heartbeat_ms = absl::ToInt64Milliseconds(absl::GetFlag(FLAGS_heartbeat));
  config.attach.heartbeat_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(heartbeat_ms, 0));
  config.attach.lease_ttl_ms = 3 * config.attach.heartbeat_ms;
  config.limits.authority.outbox_events_max = absl::GetFlag(FLAGS_outbox_events_max);
  config.limits.authority.outbox_bytes_max = absl::GetFlag(FLAGS_outbox_bytes_max);
  config.limits.waiting_commands_max = absl::GetFlag(FLAGS_waiting_commands_max);
  absl::Status status = between("heartbeat (ms)", config.attach.heartbeat_ms, 100, 60'000);
  // A record names the size of every event that it holds, and an entry of the store has a limit.
  status.Update(between("outbox_events_max", config.limits.authority.outbox_events_max, 1, 10'000));
  status.Update(between("outbox_bytes_max", config.limits.authority.outbox_bytes_max,
                        config.limits.authority.payload_bytes_max, 256 * 1024 * 1024));
  status.Update(between("waiting_commands_max", config.limits.waiting_commands_max, 1, 10'000'000));
  return status;
}

}  // namespace

absl::StatusOr<CoordinatorConfig> read_coordinator_config(int argc, const char* const* argv) {
  const auto rest = parse_settings(argc, argv, kFlags);
  if (!rest.ok()) return rest.status();
  if (!rest->empty()) {
    return absl::InvalidArgumentError("unexpected argument '" + rest->front() + "'");
  }
  CoordinatorConfig config;
  const auto listen = parse_host_port(absl::GetFlag(FLAGS_listen));
  if (!listen.ok()) return listen.status();
  const auto http_listen = parse_host_port(absl::GetFlag(FLAGS_http_listen));
  if (!http_listen.ok()) return http_listen.status();
  const auto level = parse_log_level(absl::GetFlag(FLAGS_log_level));
  if (!level.ok()) return level.status();
  config.listen = *listen;
  config.http_listen = *http_listen;
  config.log_level = *level;
  config.store = absl::GetFlag(FLAGS_store);
  config.volatile_ok = absl::GetFlag(FLAGS_volatile_ok);
  if (auto status = check_authentication(config); !status.ok()) return status;
  if (auto status = check_limits(config); !status.ok()) return status;
  return config;
}

}  // namespace interlock
