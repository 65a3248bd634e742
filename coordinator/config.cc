#include "coordinator/config.h"

#include <algorithm>

#include "absl/flags/flag.h"
#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "common/settings.h"
#include "common/small_file.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:7400", "host:port for gateways, backends and operators");
ABSL_FLAG(std::string, http_listen, "127.0.0.1:7401", "host:port for health and metrics");
ABSL_FLAG(std::string, store, "rocksdb:interlock-data",
          "where the truth is kept: memory: (lost at exit), rocksdb:DIR, or "
          "postgres://user:password@host[,host...]/database");
ABSL_FLAG(std::string, store_file, "",
          "file with the store's URL, as a secret is mounted; instead of --store");
ABSL_FLAG(std::string, check_store, "",
          "a store's URL: says what may be promised over it, and ends; nothing is served");
ABSL_FLAG(
    bool, asynchronous_commit_ok, false,
    "serve over a PostgreSQL that answers before a commit is durable; what was acknowledged may "
    "then be lost");
ABSL_FLAG(bool, volatile_ok, false,
          "allow rocksdb where the container's disk is memory (K_SERVICE is set)");
ABSL_FLAG(std::string, log_level, "info", "debug, info, notice, warning or error");
ABSL_FLAG(absl::Duration, heartbeat, absl::Seconds(5), "how often gateways send a heartbeat");
ABSL_FLAG(absl::Duration, lease_ttl, absl::Seconds(15),
          "after how long without a heartbeat a gateway counts as dead; whole seconds");
ABSL_FLAG(absl::Duration, resume_window, absl::Seconds(120),
          "how long a connection without socket waits for its client; whole seconds");
ABSL_FLAG(absl::Duration, setup_timeout, absl::Seconds(30),
          "how long a setup, a resume or a closing may take; whole seconds");
ABSL_FLAG(absl::Duration, retention, absl::Minutes(10),
          "how long the record of an ended connection is kept; whole seconds");
ABSL_FLAG(absl::Duration, run_silence, absl::Minutes(10),
          "an open agent run without an event for so long has ended; whole seconds");
ABSL_FLAG(absl::Duration, outbox_age_max, absl::Hours(24),
          "a client that has acknowledged nothing for so long gets no more events; whole seconds");
ABSL_FLAG(std::uint64_t, sessions_per_subject_max, 20,
          "live sessions of one subject (0: no limit; never of anonymous)");
ABSL_FLAG(std::uint64_t, final_records_per_subject_max, 100,
          "records of ended sessions kept for one subject (0: no limit; never of anonymous)");
ABSL_FLAG(std::uint64_t, records_max, 1'000'000, "records in all; new sessions are refused beyond");
ABSL_FLAG(std::uint64_t, takeovers_per_minute_max, 10,
          "how often one connection may be taken from a live owner (0: no limit)");
ABSL_FLAG(std::uint64_t, sweeps_per_s_max, 5'000,
          "how many overdue records one coordinator takes up a second (0: no limit)");
ABSL_FLAG(std::uint64_t, outbox_events_max, 1000, "events that a connection's outbox may hold");
ABSL_FLAG(std::uint64_t, outbox_bytes_max, 1024 * 1024,
          "payload bytes that a connection's outbox may hold");
ABSL_FLAG(std::uint64_t, waiting_commands_max, 200'000,
          "commands that may wait for a decision; further ones are answered NOT_NOW");

namespace interlock {
namespace {

constexpr std::size_t kStoreUrlBytesMax = 4096;

const std::vector<std::string> kFlags = {
    "listen", "http_listen", "store", "check_store", "volatile_ok", "asynchronous_commit_ok",
    "log_level", "heartbeat", "outbox_events_max", "outbox_bytes_max",
    "waiting_commands_max", "lease_ttl", "resume_window", "setup_timeout", "retention",
    "sessions_per_subject_max", "final_records_per_subject_max", "records_max",
    "takeovers_per_minute_max", "run_silence", "outbox_age_max", "sweeps_per_s_max",
    "store_file"};

absl::StatusOr<HostPort> address(const std::string& flag, const std::string& text) {
  auto parsed = parse_host_port(text);
  if (parsed.ok()) return parsed;
  return absl::InvalidArgumentError(
      "--" + flag + " does not accept it: " + std::string(parsed.status().message()));
}

// A URL with a password in it is for a file: command lines are seen by everybody on the machine.
absl::Status read_store(CoordinatorConfig& config) {
  config.store = absl::GetFlag(FLAGS_store);
  const std::string path = absl::GetFlag(FLAGS_store_file);
  if (path.empty()) return absl::OkStatus();
  auto text = read_small_file(path, kStoreUrlBytesMax);
  if (!text.ok()) return text.status();
  config.store = std::string(absl::StripAsciiWhitespace(*text));
  if (!config.store.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("--store_file names '" + path +
                                    "', which is empty; it must hold the store's URL");
}

absl::Status between(const char* flag, std::uint64_t value, std::uint64_t low, std::uint64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError("--" + std::string(flag) + " is " + std::to_string(value) +
                                    "; it may be " + std::to_string(low) + " to " +
                                    std::to_string(high));
}

// The store's clock counts seconds, so a deadline is a whole number of them.
absl::Status set_ticks(const char* flag, absl::Duration value, Tick high, Tick& ticks) {
  const std::int64_t seconds = absl::ToInt64Seconds(value);
  if (seconds >= 1 && static_cast<Tick>(seconds) <= high && absl::Seconds(seconds) == value) {
    ticks = static_cast<Tick>(seconds);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "--" + std::string(flag) + " is " + absl::FormatDuration(value) +
      "; it may be a whole number of seconds, 1 to " + std::to_string(high));
}

absl::Status check_deadlines(CoordinatorConfig& config) {
  constexpr Tick kHour = 3'600;
  constexpr Tick kDay = 24 * kHour;
  DeadlineLimits& deadlines = config.limits.authority.deadlines;
  Tick& ttl = config.limits.leases.ttl_ticks;
  absl::Status status = set_ticks("lease_ttl", absl::GetFlag(FLAGS_lease_ttl), kHour, ttl);
  status.Update(set_ticks("resume_window", absl::GetFlag(FLAGS_resume_window), kDay,
                          deadlines.resume_window_ticks));
  status.Update(
      set_ticks("setup_timeout", absl::GetFlag(FLAGS_setup_timeout), kHour, deadlines.setup_ticks));
  status.Update(
      set_ticks("retention", absl::GetFlag(FLAGS_retention), kDay, deadlines.retention_ticks));
  status.Update(set_ticks("run_silence", absl::GetFlag(FLAGS_run_silence), kDay,
                          deadlines.run_silence_ticks));
  status.Update(set_ticks("outbox_age_max", absl::GetFlag(FLAGS_outbox_age_max), 30 * kDay,
                          config.limits.authority.outbox_age_ticks_max));
  config.attach.lease_ttl_ms = ttl * config.limits.tick_ms;
  if (status.ok() && 2 * config.attach.heartbeat_ms > config.attach.lease_ttl_ms) {
    return absl::InvalidArgumentError(
        "--lease_ttl is " + absl::FormatDuration(absl::GetFlag(FLAGS_lease_ttl)) +
        "; it must be at least twice --heartbeat, so that one lost heartbeat expires nobody");
  }
  return status;
}

absl::Status check_limits(CoordinatorConfig& config) {
  const auto heartbeat_ms = absl::ToInt64Milliseconds(absl::GetFlag(FLAGS_heartbeat));
  config.attach.heartbeat_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(heartbeat_ms, 0));
  config.limits.authority.outbox_events_max = absl::GetFlag(FLAGS_outbox_events_max);
  config.limits.authority.outbox_bytes_max = absl::GetFlag(FLAGS_outbox_bytes_max);
  config.limits.waiting_commands_max = absl::GetFlag(FLAGS_waiting_commands_max);
  AuthorityLimits& authority = config.limits.authority;
  authority.sessions_per_subject_max = absl::GetFlag(FLAGS_sessions_per_subject_max);
  authority.records_max = absl::GetFlag(FLAGS_records_max);
  config.limits.final_records_per_subject_max = absl::GetFlag(FLAGS_final_records_per_subject_max);
  config.limits.takeovers_per_minute_max = absl::GetFlag(FLAGS_takeovers_per_minute_max);
  absl::Status status = between("heartbeat (ms)", config.attach.heartbeat_ms, 100, 60'000);
  // A record names the size of every event that it holds, and an entry of the store has a limit.
  status.Update(between("outbox_events_max", config.limits.authority.outbox_events_max, 1, 10'000));
  status.Update(between("outbox_bytes_max", config.limits.authority.outbox_bytes_max,
                        config.limits.authority.payload_bytes_max, 256 * 1024 * 1024));
  status.Update(between("waiting_commands_max", config.limits.waiting_commands_max, 1, 10'000'000));
  status.Update(
      between("sessions_per_subject_max", authority.sessions_per_subject_max, 0, 100'000));
  status.Update(between("final_records_per_subject_max",
                        config.limits.final_records_per_subject_max, 0, 100'000));
  status.Update(between("records_max", authority.records_max, 1, 100'000'000));
  status.Update(
      between("takeovers_per_minute_max", config.limits.takeovers_per_minute_max, 0, 1'000'000));
  config.limits.sweeps_per_s_max = absl::GetFlag(FLAGS_sweeps_per_s_max);
  status.Update(between("sweeps_per_s_max", config.limits.sweeps_per_s_max, 0, 1'000'000));
  status.Update(check_deadlines(config));
  return status;
}

}  // namespace

absl::StatusOr<CoordinatorConfig> read_coordinator_config(int argc, const char* const* argv) {
  std::vector<std::string> flags = kFlags;
  flags.insert(flags.end(), identity_flags.begin(), identity_flags.end());
  flags.insert(flags.end(), trace_flags.begin(), trace_flags.end());
  const auto rest = parse_settings(argc, argv, flags);
  if (!rest.ok()) return rest.status();
  if (!rest->empty()) {
    return absl::InvalidArgumentError("unexpected argument '" + rest->front() + "'");
  }
  CoordinatorConfig config;
  const auto listen = address("listen", absl::GetFlag(FLAGS_listen));
  if (!listen.ok()) return listen.status();
  const auto http_listen = address("http_listen", absl::GetFlag(FLAGS_http_listen));
  if (!http_listen.ok()) return http_listen.status();
  const auto level = parse_log_level(absl::GetFlag(FLAGS_log_level));
  if (!level.ok()) return level.status();
  auto traces = read_trace_settings();
  if (!traces.ok()) return traces.status();
  config.traces = *std::move(traces);
  config.listen = *listen;
  config.http_listen = *http_listen;
  config.log_level = *level;
  if (auto status = read_store(config); !status.ok()) return status;
  config.check_store = absl::GetFlag(FLAGS_check_store);
  config.store_options.volatile_ok = absl::GetFlag(FLAGS_volatile_ok);
  config.store_options.asynchronous_commit_ok = absl::GetFlag(FLAGS_asynchronous_commit_ok);
  if (!config.check_store.empty()) return config;  // nobody is served, so nobody need be known
  if (auto status = read_identity(config.listen, config.identity); !status.ok()) return status;
  if (auto status = check_limits(config); !status.ok()) return status;
  return config;
}

}  // namespace interlock
