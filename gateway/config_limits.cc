#include "gateway/config_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <thread>

#include "absl/flags/flag.h"
#include "absl/time/time.h"

ABSL_FLAG(std::uint32_t, threads, 0, "Event loops; 0: one for each processor.");

ABSL_FLAG(std::uint32_t, sessions_max, 10'000, "Sessions at once; further clients get 429.");
ABSL_FLAG(std::uint32_t, upgrades_per_second_max, 2'000,
          "New sessions a second; further clients get 429; 0: no limit.");
ABSL_FLAG(std::uint32_t, frame_bytes_max, 64 * 1024, "Of a client's message.");
ABSL_FLAG(
    std::uint32_t, queue_bytes_max, 2 * 1024 * 1024,
    "What may wait for a client that does not keep up; more closes it with 4004. Twice the "
    "coordinator's --outbox_bytes_max, so that a client can take a whole replay at its own pace.");
ABSL_FLAG(absl::Duration, head_timeout, absl::Seconds(5), "For a client to say what it wants.");
ABSL_FLAG(absl::Duration, claim_timeout, absl::Milliseconds(1500),
          "For the coordinator to grant a claim; then the client gets 503.");
ABSL_FLAG(absl::Duration, setup_timeout, absl::Seconds(25), "From the grant to ready.");
ABSL_FLAG(absl::Duration, ping_interval, absl::Seconds(25), "Between two pings; said in hello.");
ABSL_FLAG(absl::Duration, pong_timeout, absl::Seconds(10), "For a client to answer a ping.");
ABSL_FLAG(absl::Duration, close_timeout, absl::Seconds(2), "For a client to answer a close frame.");
ABSL_FLAG(absl::Duration, send_stall_timeout, absl::Seconds(10),
          "For a client to take anything of what waits for it; then it is closed with 4004.");
ABSL_FLAG(absl::Duration, session_age_max, absl::Minutes(55),
          "Older connections are asked to come back (4002); 0: never.");
ABSL_FLAG(absl::Duration, session_age_jitter, absl::Minutes(10),
          "Up to so much earlier, so that not all come back at once.");
ABSL_FLAG(absl::Duration, hold_after, absl::Seconds(10),
          "Without a confirmed heartbeat for so long, data waits; below the coordinator's TTL.");
ABSL_FLAG(absl::Duration, give_up_after, absl::Seconds(20),
          "Holding for so long, and no coordinator answers: all sockets are closed with 4005.");
ABSL_FLAG(absl::Duration, drain_budget, absl::Seconds(8), "From SIGTERM to the end.");

namespace interlock {

const std::vector<std::string> limit_flags = {
    "threads",         "sessions_max",       "upgrades_per_second_max",
    "frame_bytes_max", "queue_bytes_max",    "head_timeout",
    "claim_timeout",   "setup_timeout",      "ping_interval",
    "pong_timeout",    "close_timeout",      "send_stall_timeout",
    "session_age_max", "session_age_jitter", "drain_budget",
    "hold_after",      "give_up_after"};

namespace {

absl::Status refused(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

template <typename Target>
absl::Status number(const char* flag, std::uint64_t value, std::uint64_t least, std::uint64_t most,
                    Target& target) {
  if (value < least || value > most) {
    return refused(fmt::format("--{} is {}; it takes {} to {}.", flag, value, least, most));
  }
  target = static_cast<Target>(value);
  return absl::OkStatus();
}

absl::Status duration(const char* flag, absl::Duration value, absl::Duration least,
                      absl::Duration most, std::uint64_t& milliseconds) {
  if (value < least || value > most) {
    return refused(fmt::format("--{} is {}; it takes {} to {}.", flag, absl::FormatDuration(value),
                               absl::FormatDuration(least), absl::FormatDuration(most)));
  }
  milliseconds = static_cast<std::uint64_t>(absl::ToInt64Milliseconds(value));
  return absl::OkStatus();
}

absl::Status read_sizes(GatewayConfig& config) {
  ListenerLimits& limits = config.limits;
  absl::Status status =
      number("sessions_max", absl::GetFlag(FLAGS_sessions_max), 1, 1'000'000, limits.sessions_max);
  status.Update(number("upgrades_per_second_max", absl::GetFlag(FLAGS_upgrades_per_second_max), 0,
                       1'000'000, limits.upgrades_per_second_max));
  status.Update(number("frame_bytes_max", absl::GetFlag(FLAGS_frame_bytes_max), 1024,
                       4 * 1024 * 1024, limits.socket.frame_bytes_max));
  // The largest event that there can be must fit.
  status.Update(number("queue_bytes_max", absl::GetFlag(FLAGS_queue_bytes_max), 128 * 1024,
                       1024 * 1024 * 1024, limits.socket.queue_bytes_max));
  const std::uint32_t processors = std::max(1u, std::thread::hardware_concurrency());
  const std::uint32_t threads = absl::GetFlag(FLAGS_threads);
  status.Update(number("threads", threads == 0 ? processors : threads, 1, 256, config.threads));
  return status;
}

absl::Status read_times(GatewayConfig& config) {
  const absl::Duration least = absl::Milliseconds(10);
  const absl::Duration hour = absl::Hours(1);
  const absl::Duration day = absl::Hours(24);
  SessionLimits& session = config.limits.session;
  ShellLimits& shell = config.limits.shell;
  std::uint64_t drain_ms = 0;
  absl::Status status = duration("head_timeout", absl::GetFlag(FLAGS_head_timeout), least, hour,
                                 config.limits.head_timeout_ms);
  status.Update(duration("claim_timeout", absl::GetFlag(FLAGS_claim_timeout), least, hour,
                         session.claim_timeout_ms));
  status.Update(duration("setup_timeout", absl::GetFlag(FLAGS_setup_timeout), least, hour,
                         session.setup_timeout_ms));
  status.Update(duration("ping_interval", absl::GetFlag(FLAGS_ping_interval), least, hour,
                         session.ping_interval_ms));
  status.Update(duration("pong_timeout", absl::GetFlag(FLAGS_pong_timeout), least, hour,
                         session.pong_timeout_ms));
  status.Update(duration("close_timeout", absl::GetFlag(FLAGS_close_timeout), least, hour,
                         session.close_timeout_ms));
  status.Update(duration("send_stall_timeout", absl::GetFlag(FLAGS_send_stall_timeout), least, hour,
                         shell.send_stall_ms));
  status.Update(duration("session_age_max", absl::GetFlag(FLAGS_session_age_max),
                         absl::ZeroDuration(), day, shell.age_max_ms));
  status.Update(duration("session_age_jitter", absl::GetFlag(FLAGS_session_age_jitter),
                         absl::ZeroDuration(), day, shell.age_jitter_ms));
  status.Update(duration("hold_after", absl::GetFlag(FLAGS_hold_after), absl::Milliseconds(100),
                         hour, config.attachment.hold_after_ms));
  status.Update(duration("give_up_after", absl::GetFlag(FLAGS_give_up_after),
                         absl::Milliseconds(100), hour, config.attachment.give_up_after_ms));
  status.Update(duration("drain_budget", absl::GetFlag(FLAGS_drain_budget), least, hour, drain_ms));
  config.drain_budget = std::chrono::milliseconds(drain_ms);
  return status;
}

}  // namespace

absl::Status read_limits(GatewayConfig& config) {
  absl::Status status = read_sizes(config);
  status.Update(read_times(config));
  return status;
}

}  // namespace interlock
