#include "gateway/link_metrics.h"

#include <string>
#include <utility>

#include "gateway/boot_clock.h"

namespace interlock {

LinkMetrics::LinkMetrics(Metrics& metrics, const CoordinatorClient& coordinator,
                         const AttachCounters& attachment, const BackendCounters* backend) {
  gauge(metrics, "interlock_coordinator_reachable",
        "0 while no coordinator has answered for a while, so that upgrades are refused at once.",
        [&coordinator] { return coordinator.reachable() ? 1 : 0; });
  show_attachment(metrics, attachment);
  if (backend != nullptr) show_backend(metrics, *backend);
}

void LinkMetrics::update() {
  for (const auto& one : updates_) one();
}

void LinkMetrics::counter(Metrics& metrics, const char* name, const char* help,
                          const Metrics::Labels& labels, const std::atomic<std::uint64_t>& value) {
  prometheus::Counter& shown = metrics.counter(name, help, labels);
  updates_.push_back([&shown, &value, before = std::uint64_t{0}]() mutable {
    const std::uint64_t now = value.load();
    shown.Increment(static_cast<double>(now - std::exchange(before, now)));
  });
}

void LinkMetrics::gauge(Metrics& metrics, const char* name, const char* help,
                        std::function<double()> value) {
  prometheus::Gauge& shown = metrics.gauge(name, help);
  updates_.push_back([&shown, value = std::move(value)] { shown.Set(value()); });
}

void LinkMetrics::show_attachment(Metrics& metrics, const AttachCounters& attachment) {
  gauge(metrics, "interlock_attached", "1 while a coordinator has answered this gateway's list.",
        [&attachment] { return attachment.is_attached ? 1 : 0; });
  gauge(metrics, "interlock_store_away", "1 while the coordinator's store can promise nothing.",
        [&attachment] { return attachment.store_away ? 1 : 0; });
  gauge(metrics, "interlock_holding",
        "1 while this gateway may not act for its connections, so that their data waits.",
        [&attachment] { return attachment.holding ? 1 : 0; });
  counter(metrics, "interlock_holds_total", "Times that this gateway had to stop acting.", {},
          attachment.holds);
  const char* const over = "interlock_gateway_expired_total";
  const char* const over_help = "Gateway ids that were used up, with all sockets closed (4005).";
  counter(metrics, over, over_help, {{"why", "lease_expired"}}, attachment.expired);
  counter(metrics, over, over_help, {{"why", "no_coordinator"}}, attachment.given_up);
  gauge(metrics, "interlock_waiting_claims", "Claims that wait for their answer.",
        [&attachment] { return static_cast<double>(attachment.waiting_claims.load()); });
  gauge(metrics, "interlock_unanswered_operations", "Operations that wait for their answer.",
        [&attachment] { return static_cast<double>(attachment.unanswered_operations.load()); });
  counter(metrics, "interlock_attach_streams_opened_total", "Streams to a coordinator, begun.", {},
          attachment.streams_opened);
  counter(metrics, "interlock_attach_streams_ended_total", "Streams to a coordinator, ended.", {},
          attachment.streams_ended);
  counter(metrics, "interlock_heartbeats_sent_total", "Heartbeats sent to a coordinator.", {},
          attachment.heartbeats_sent);
  counter(metrics, "interlock_heartbeats_confirmed_total",
          "Heartbeats that have renewed this gateway's lease.", {},
          attachment.heartbeats_confirmed);
  gauge(metrics, "interlock_heartbeat_age_seconds",
        "Since the last heartbeat that was confirmed was sent; before the first: since the start.",
        [&attachment] {
          return static_cast<double>(boot_time_ms() - attachment.confirmed_at_ms) * 1e-3;
        });
}

void LinkMetrics::show_backend(Metrics& metrics, const BackendCounters& backend) {
  const char* const calls = "interlock_backend_calls_total";
  const char* const help = "Calls to the backend, by how they ended, retries not counted.";
  counter(metrics, calls, help, {{"result", "ok"}}, backend.ok);
  counter(metrics, calls, help, {{"result", "unavailable"}}, backend.unavailable);
  counter(metrics, calls, help, {{"result", "refused"}}, backend.refused);
  counter(metrics, calls, help, {{"result", "rejected"}}, backend.rejected);
  counter(metrics, "interlock_backend_attempts_total", "Calls and their retries.", {},
          backend.attempts);
  counter(metrics, "interlock_backend_retries_total", "Attempts behind the first one of a call.",
          {}, backend.retries);
  counter(metrics, "interlock_backend_breaker_opened_total", "Times the breaker opened.", {},
          backend.breaker_opened);
  gauge(metrics, "interlock_backend_calls", "Calls under way.",
        [&backend] { return static_cast<double>(backend.calls_under_way.load()); });
  for (const Breaker::State state :
       {Breaker::State::kClosed, Breaker::State::kOpen, Breaker::State::kHalfOpen}) {
    prometheus::Gauge& shown =
        metrics.gauge("interlock_backend_breaker_state", "1 at the state that the breaker is in.",
                      {{"state", std::string(to_string(state))}});
    updates_.push_back([&shown, &backend, state] { shown.Set(backend.breaker == state ? 1 : 0); });
  }
}

}  // namespace interlock
