// The wiring diagram of the coordinator: settings, store, engine, services, and how it stops.
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <random>
#include <thread>

#include "absl/flags/usage.h"
#include "common/file_watch.h"
#include "common/http_server.h"
#include "common/identity.h"
#include "common/jwks.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/one_poller.h"
#include "common/settings.h"
#include "common/tracer.h"
#include "common/version.h"
#include "coordinator/config.h"
#include "coordinator/observability.h"
#include "coordinator/server_credentials.h"
#include "coordinator/service/admin_service.h"
#include "coordinator/service/events_service.h"
#include "coordinator/service/gateway_service.h"
#include "coordinator/service/traced_observer.h"
#include "coordinator/store/check_store.h"
#include "coordinator/store/open_store.h"

namespace interlock {
namespace {

constexpr int kFatalExitCode = 70;
constexpr std::chrono::seconds kLastWordsMax(1);
constexpr std::size_t kEncodingThreads = 1;
constexpr int kMessageBytesMax = 8 * 1024 * 1024;
constexpr std::size_t kServerMemoryBytes = std::size_t{1} << 30;

std::function<double()> uniform_random() {
  return [engine = std::mt19937_64(std::random_device{}()),
          uniform = std::uniform_real_distribution<double>(0.0, 1.0)]() mutable {
    return uniform(engine);
  };
}

// Whoever reads the log may be stuck.
[[noreturn]] void end_at_once() {
  std::promise<void> written;
  const auto done = written.get_future();
  std::thread([&written] {
    write_log_at_once();
    written.set_value();
  }).detach();
  done.wait_for(kLastWordsMax);
  _exit(kFatalExitCode);
}

// SIGTERM and SIGINT are waited for by main; every other thread has them blocked.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

std::unique_ptr<grpc::Server> serve(const HostPort& listen,
                                    const std::shared_ptr<grpc::ServerCredentials>& credentials,
                                    std::vector<grpc::Service*> services, int* port) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(to_string(listen), credentials, port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  grpc::ResourceQuota quota;
  quota.Resize(kServerMemoryBytes);
  builder.SetResourceQuota(quota);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  return builder.BuildAndStart();
}

// None: traces go nowhere.
std::unique_ptr<SpanExporter> span_exporter(const std::string& url, const std::string& instance,
                                            Metrics& metrics) {
  if (url.empty()) return nullptr;
  return std::make_unique<SpanExporter>(
      url, SpanSource{"interlock-coordinator", std::string(version()), instance}, metrics);
}

// `jwks`: of --auth=jwt; none otherwise.
absl::StatusOr<Authorizer> authorizer_of(const IdentityConfig& config,
                                         const std::shared_ptr<Jwks>& jwks) {
  if (config.open) return Authorizer::open();
  AuthorizerSettings settings;
  settings.token_file = config.token_file;
  settings.certificates = config.certificates;
  settings.roles_file = config.roles_file;
  if (jwks != nullptr) {
    settings.jwt.emplace(jwks, TokenExpectations{config.issuer, config.audiences, true});
  }
  return Authorizer::make(std::move(settings));
}

// None: nobody proves who they are with tokens of an issuer.
absl::StatusOr<std::shared_ptr<Jwks>> issuer_keys(const IdentityConfig& config, Metrics& metrics) {
  if (!config.jwt) return std::shared_ptr<Jwks>();
  return Jwks::open(config.jwks, metrics);
}

// From start() on, changes of who may call are noticed.
absl::Status watch_files(const IdentityConfig& config, Authorizer& authorizer, FileWatch& files) {
  absl::Status status;
  if (!config.token_file.empty()) {
    status.Update(files.add("token_file", {config.token_file},
                            [&authorizer] { return authorizer.reread_tokens(); }));
  }
  if (config.jwt || config.certificates) {
    status.Update(files.add("roles_file", {config.roles_file},
                            [&authorizer] { return authorizer.reread_roles(); }));
  }
  return status;
}

// What is under way is finished; gateways are told to go elsewhere first.
void stop(grpc::Server& server, GatewayService& gateways, EngineThread& engine,
          std::uint64_t drain_ms) {
  if (auto* health = server.GetHealthCheckService()) health->SetServingStatus(false);
  gateways.drain(drain_ms);
  const auto deadline = std::chrono::system_clock::now() + std::chrono::milliseconds(drain_ms / 4);
  // gRPC waits for every handler, and handlers for a store that may be away.
  std::promise<void> ended;
  std::thread watch([&engine, deadline, done = ended.get_future()] {
    if (done.wait_until(deadline) == std::future_status::timeout) engine.refuse_waiting();
  });
  server.Shutdown(deadline);
  server.Wait();
  ended.set_value();
  watch.join();
}

int check(const CoordinatorConfig& config) {
  const StoreCheck found = check_store(config.check_store, config.store_options);
  const std::string text = to_text(found);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return is_fit(found) ? 0 : 1;
}

int run(const CoordinatorConfig& config) {
  const sigset_t signals = block_signals();
  const Logging logging({.service = "interlock-coordinator",
                         .trace_project_id = config.traces.project_id,
                         .level = config.log_level});
  const OnePoller poller;
  const auto refuse = [](const absl::Status& status) {
    log_error("The coordinator does not start.", {{"reason", std::string(status.message())}});
    return 1;
  };
  Metrics metrics;
  const auto jwks = issuer_keys(config.identity, metrics);
  if (!jwks.ok()) return refuse(jwks.status());
  auto authorizer = authorizer_of(config.identity, *jwks);
  if (!authorizer.ok()) return refuse(authorizer.status());
  FileWatch files(metrics);
  const auto watched = watch_files(config.identity, *authorizer, files);
  if (!watched.ok()) return refuse(watched);
  const auto credentials = make_server_credentials(config.identity);
  if (!credentials.ok()) return refuse(credentials.status());
  auto store = open_store(config.store, config.store_options);
  if (!store.ok()) return refuse(store.status());

  metrics
      .gauge("interlock_build_info", "1, with the version as a label",
             {{"version", std::string(version())}})
      .Set(1);
  const std::string coordinator_id = make_identity();
  const auto exporter = span_exporter(config.traces.url, coordinator_id, metrics);
  Tracer tracer(exporter.get(), config.traces.sample_ratio);
  CommandTraces traces(tracer);
  Observability observability(metrics, end_at_once);
  TracedObserver observer(observability, traces);
  EngineThread engine(*std::move(store), config.limits, uniform_random(), observer);
  Workers workers(kEncodingThreads);
  StandingCalls standing;
  const ServiceParts parts{engine, workers, *authorizer, standing, &traces};
  GatewayService gateways(parts, coordinator_id, config.attach);
  EventsService events(parts);
  AdminService admin(parts, [&](v1::StatsResponse& stats) {
    stats.set_coordinator_id(coordinator_id);
    stats.set_store(config.store.substr(0, config.store.find(':')));
    stats.set_attached_gateways(gateways.streams());
    observability.add_to(stats);
  });
  engine.start();
  files.start();

  int port = 0;
  const auto server = serve(config.listen, *credentials, {&gateways, &events, &admin}, &port);
  if (server == nullptr || port == 0) {
    return refuse(absl::UnavailableError("cannot listen on " + to_string(config.listen) +
                                         "; is something else there? Choose another --listen"));
  }
  auto http = HttpServer::start({.listen = config.http_listen,
                                 // With a store that is away it can still say so to gateways.
                                 .readiness = [&]() -> Readiness {
                                   return {engine.ready() || engine.store_away(),
                                           "the store is being read"};
                                 },
                                 .metrics =
                                     [&] {
                                       observability.show(engine, gateways.streams());
                                       if (*jwks != nullptr) (*jwks)->show();
                                       return metrics.render();
                                     }});
  if (!http.ok()) {
    server->Shutdown();
    return refuse(http.status());
  }
  log_notice("The coordinator serves.",
             {{"listen", config.listen.host + ":" + std::to_string(port)},
              {"http_port", (*http)->port()},
              {"store", shown_store_url(config.store)},
              {"version", std::string(version())}});
  int signal = 0;
  sigwait(&signals, &signal);
  log_notice("The coordinator stops.", {{"signal", signal}});
  stop(*server, gateways, engine, config.drain_ms);
  engine.stop();
  return 0;
}

}  // namespace
}  // namespace interlock

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "interlock-coordinator: the authority on which connection is in which state.");
  const auto config = interlock::read_coordinator_config(argc, argv);
  if (!config.ok()) return interlock::refuse_settings(argv[0], config.status());
  return config->check_store.empty() ? interlock::run(*config) : interlock::check(*config);
}
