// The wiring diagram of interlock-gateway.
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/flags/usage.h"
#include "common/http_server.h"
#include "common/identity.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/one_poller.h"
#include "common/settings.h"
#include "common/tracer.h"
#include "common/version.h"
#include "gateway/boot_clock.h"
#include "gateway/closed_relay.h"
#include "gateway/config.h"
#include "gateway/event_loops.h"
#include "gateway/gateway_metrics.h"
#include "gateway/grpc_api_client.h"
#include "gateway/grpc_coordinator_client.h"
#include "gateway/link_metrics.h"
#include "gateway/listener.h"
#include "gateway/make_backend.h"
#include "gateway/open_files.h"
#include "gateway/trust.h"

namespace interlock {
namespace {

constexpr std::chrono::milliseconds detach_time{1'500};  // of the drain's budget, at its end

// Blocked before the first thread starts, so that every thread inherits it and only main() waits.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int fail(const absl::Status& status) {
  log_error("The gateway does not start.", {{"reason", std::string(status.message())}});
  return EXIT_FAILURE;
}

// None: traces go nowhere.
std::unique_ptr<SpanExporter> span_exporter(const std::string& url, const std::string& gateway_id,
                                            Metrics& metrics) {
  if (url.empty()) return nullptr;
  return std::make_unique<SpanExporter>(
      url, SpanSource{"interlock-gateway", std::string(version()), gateway_id}, metrics);
}

ChannelTls channel_tls(const GatewayConfig& config) {
  return {config.coordinator_ca_file, config.coordinator_cert_file, config.coordinator_key_file};
}

ListenerOptions listener_options(GatewayConfig& config, const Trust& trust, ApiClient* api,
                                 Tracer& tracer) {
  ListenerOptions options;
  options.listen = config.listen;
  options.limits = config.limits;
  options.files = std::move(config.files);
  options.api = api;
  options.tracer = &tracer;
  options.policy.verifier = trust.verifier();
  options.policy.is_revoked = trust.is_revoked();
  options.tls = trust.tls();
  options.policy.has_backend = config.backend.has_value();
  options.policy.duplicates = config.duplicates;
  return options;
}

v1::GatewayLoad::Breaker shown_breaker(Breaker::State state) {
  switch (state) {
    case Breaker::State::kClosed:
      return v1::GatewayLoad::CLOSED;
    case Breaker::State::kHalfOpen:
      return v1::GatewayLoad::HALF_OPEN;
    case Breaker::State::kOpen:
      return v1::GatewayLoad::OPEN;
  }
  return v1::GatewayLoad::NONE;
}

// Heartbeats tell of the backend, and go on for longer than it is there.
class BackendView {
 public:
  void show(const BackendCounters* counters) {
    const std::lock_guard lock(mutex_);
    counters_ = counters;
  }
  v1::GatewayLoad::Breaker breaker() const {
    const std::lock_guard lock(mutex_);
    return counters_ == nullptr ? v1::GatewayLoad::NONE : shown_breaker(counters_->breaker);
  }

 private:
  mutable std::mutex mutex_;
  const BackendCounters* counters_ = nullptr;
};

GrpcCoordinatorSettings coordinator_settings_of(const GatewayConfig& config, Trust& trust,
                                                const std::string& gateway_id) {
  GrpcCoordinatorSettings settings;
  settings.targets = config.coordinators;
  settings.own_token = trust.own_token();
  settings.tls = channel_tls(config);
  settings.identity = trust.own();
  settings.attachment.gateway_id = gateway_id;
  settings.attachment.address = to_string(config.listen);
  settings.attachment.limits = config.attachment;
  settings.attachment.has_backend = config.backend.has_value();
  return settings;
}

// In the order in which they are made, and the reverse of it at the end: what calls goes before
// what is called, and the loops, to which everybody posts, are the last.
int serve(GatewayConfig config, const sigset_t& signals) {
  if (auto fits = fit_into_open_files(config.limits); !fits.ok()) return fail(fits);
  const OnePoller poller;
  const std::string gateway_id = make_identity();
  Metrics metrics;
  metrics
      .gauge("interlock_build_info", "1, with the version as a label.",
             {{"version", std::string(version())}})
      .Set(1);
  GatewayMetrics gateway_metrics(metrics);
  const auto exporter = span_exporter(config.traces.url, gateway_id, metrics);
  Tracer tracer(exporter.get(), config.traces.sample_ratio);
  EventLoops loops(config.threads);

  const auto made = Trust::make(config, metrics);
  if (!made.ok()) return fail(made.status());
  Trust& trust = **made;
  auto coordinator_settings = coordinator_settings_of(config, trust, gateway_id);
  BackendView backend_view;
  coordinator_settings.attachment.report_load = [&](v1::GatewayLoad& load) {
    gateway_metrics.add_to(load);
    load.set_breaker(backend_view.breaker());
  };
  GrpcCoordinatorClient coordinator(coordinator_settings);
  auto [backend, backend_counters] = make_backend(
      config, [&coordinator] { return boot_time_ms() < coordinator.act_until_ms(); });
  backend_view.show(backend_counters);
  const absl::Cleanup out_of_view = [&] { backend_view.show(nullptr); };
  std::optional<ClosedRelay> closed_relay;
  if (backend) closed_relay.emplace(coordinator, *backend);
  LinkMetrics link_metrics(metrics, coordinator, coordinator.counters(), backend_counters);

  std::optional<GrpcApiClient> api;
  if (config.http_api) {
    api.emplace(GrpcApiSettings{.targets = config.coordinators,
                                .tls = channel_tls(config),
                                .identity = trust.own()});
  }

  auto options = listener_options(config, trust, api ? &*api : nullptr, tracer);
  auto listener =
      Listener::start(loops, std::move(options), coordinator, backend.get(), gateway_metrics);
  if (!listener.ok()) return fail(listener.status());
  std::atomic<bool> stopping = false;
  std::atomic<bool> emptied = false;
  coordinator.send_away([&](std::uint32_t per_s) {
    if (stopping) return;
    log_notice("An operator wants this gateway empty.",
               {{"per_s", per_s}, {"sessions", (*listener)->sessions()}});
    emptied = true;
    (*listener)->send_away(per_s);
  });
  auto http = HttpServer::start(
      {.listen = config.http_listen,
       .readiness =
           [&] {
             if (emptied) return Readiness{false, "An operator wants this gateway empty."};
             if (stopping) return Readiness{false, "The gateway is stopping."};
             return trust.readiness();
           },
       .metrics =
           [&] {
             link_metrics.update();
             trust.show();
             return metrics.render();
           }});
  if (!http.ok()) {
    coordinator.send_away({});
    return fail(http.status());
  }
  loops.start();
  trust.watch([&listener] { (*listener)->end_revoked(); });
  const absl::Cleanup watch_no_more = [&trust] { trust.stop(); };
  log_notice("Gateway is listening.", {{"address", config.listen.host},
                                       {"port", (*listener)->port()},
                                       {"http_port", (*http)->port()},
                                       {"gateway_id", gateway_id},
                                       {"version", version()}});

  int signal = 0;
  sigwait(&signals, &signal);
  log_notice("Gateway is stopping.", {{"signal", signal}, {"sessions", (*listener)->sessions()}});
  stopping = true;
  coordinator.send_away({});
  const auto deadline = std::chrono::steady_clock::now() + config.drain_budget;
  (*listener)->drain(config.drain_budget - std::min(detach_time, config.drain_budget / 2));
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  const bool detached =
      coordinator.drain(static_cast<std::uint64_t>(std::max<std::int64_t>(left.count(), 0)));
  log_notice("Gateway has stopped.", {{"every_operation_answered", detached}});
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace interlock

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "interlock-gateway: takes clients' WebSockets and acts for them at the coordinator.");
  auto config = interlock::read_gateway_config(argc, argv);
  if (!config.ok()) return interlock::refuse_settings(argv[0], config.status());
  const sigset_t signals = interlock::block_stop_signals();
  const interlock::Logging logging({.service = "interlock-gateway",
                                    .trace_project_id = config->traces.project_id,
                                    .level = config->log_level});
  return interlock::serve(*std::move(config), signals);
}
