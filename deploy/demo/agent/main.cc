// The wiring of interlock-demo-agent.
#include <fmt/format.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <thread>

#include "common/http_server.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/settings.h"
#include "deploy/demo/agent/agent.h"
#include "deploy/demo/agent/backend_service.h"
#include "deploy/demo/agent/config.h"
#include "deploy/demo/agent/publisher.h"

namespace interlock {
namespace {

constexpr std::chrono::milliseconds shutdown_grace{500};

// Blocked before the first thread starts, so that every thread inherits it and only main() waits.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

std::unique_ptr<grpc::Server> start_server(const HostPort& listen, BackendService& service,
                                           int* port) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  // Otherwise a second agent on the same port would silently share the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(to_string(listen), grpc::InsecureServerCredentials(), port);
  builder.RegisterService(&service);
  auto server = builder.BuildAndStart();
  return *port == 0 ? nullptr : std::move(server);
}

int fail(std::string_view message) {
  log_error(message);
  return EXIT_FAILURE;
}

int serve(const AgentConfig& config, const sigset_t& signals) {
  Metrics metrics;
  boost::asio::io_context io(1);
  auto work = boost::asio::make_work_guard(io);
  Publisher publisher(io, config.coordinator, config.coordinator_tls, config.coordinator_token);
  Agent agent(
      io, config.agent,
      [&](v1::PublishRequest request, std::function<void(PublishOutcome)> done) {
        publisher.publish(std::move(request), std::move(done));
      },
      metrics);
  BackendService service(io, agent);

  int port = 0;
  const auto server = start_server(config.listen, service, &port);
  if (!server) return fail(fmt::format("Cannot listen on {}.", to_string(config.listen)));
  std::unique_ptr<HttpServer> http;
  if (config.http_listen) {
    auto started = HttpServer::start({.listen = *config.http_listen,
                                      .readiness = [] { return Readiness{true, ""}; },
                                      .metrics = [&] { return metrics.render(); }});
    if (!started.ok()) return fail(std::string(started.status().message()));
    http = *std::move(started);
  }

  std::thread thread([&] { io.run(); });
  log_notice("Agent is listening.", {{"address", config.listen.host}, {"port", port}});
  int signal = 0;
  sigwait(&signals, &signal);
  log_notice("Agent is stopping.", {{"signal", signal}});

  boost::asio::post(io, [&] {
    agent.stop();
    publisher.stop();
  });
  server->Shutdown(std::chrono::system_clock::now() + shutdown_grace);
  server->Wait();
  work.reset();  // the thread ends when every call is done
  thread.join();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace interlock

int main(int argc, char** argv) {
  const auto config = interlock::read_config(argc, argv);
  if (!config.ok()) return interlock::refuse_settings(argv[0], config.status());
  const sigset_t signals = interlock::block_stop_signals();
  const interlock::Logging logging({.service = "interlock-demo-agent"});
  return interlock::serve(*config, signals);
}
