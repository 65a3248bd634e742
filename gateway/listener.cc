#include "gateway/listener.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <cerrno>
#include <future>
#include <string>
#include <utility>

namespace interlock {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

absl::Status cannot_listen(const HostPort& listen, const std::string& why) {
  return absl::UnavailableError("Cannot listen on " + to_string(listen) + ": " + why + ".");
}

absl::StatusOr<tcp::endpoint> resolve(asio::io_context& loop, const HostPort& listen) {
  Error error;
  tcp::resolver resolver(loop);
  const auto found =
      resolver.resolve(listen.host, std::to_string(listen.port), tcp::resolver::passive, error);
  if (error || found.empty()) return cannot_listen(listen, error.message());
  return found.begin()->endpoint();
}

Error open(Acceptor& acceptor, const tcp::endpoint& endpoint, bool shared,
           std::size_t send_buffer_bytes) {
  Error error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  const int yes = 1;
  if (!error && shared &&
      setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) != 0) {
    error.assign(errno, boost::system::system_category());
  }
  // Accepted sockets inherit these two. Without a fixed send buffer the kernel lets it grow to
  // megabytes for a peer that does not read.
  const asio::socket_base::send_buffer_size send_buffer(static_cast<int>(send_buffer_bytes));
  if (!error) acceptor.set_option(send_buffer, error);
  if (!error) acceptor.set_option(tcp::no_delay(true), error);
  if (!error) acceptor.bind(endpoint, error);
  return error;
}

}  // namespace

Listener::Listener(EventLoops& loops, std::shared_ptr<LaneShared> shared, GatewayMetrics& metrics)
    : loops_(loops), shared_(std::move(shared)), metrics_(metrics) {}

Listener::~Listener() { loops_.stop(); }

absl::StatusOr<std::unique_ptr<Listener>> Listener::start(EventLoops& loops,
                                                          ListenerOptions options,
                                                          CoordinatorClient& coordinator,
                                                          BackendClient* backend,
                                                          GatewayMetrics& metrics) {
  auto shared = std::make_shared<LaneShared>();
  shared->limits = options.limits;
  shared->policy = std::move(options.policy);
  shared->files = std::move(options.files);
  shared->tls = options.tls;
  shared->api = options.api;
  if (options.tracer != nullptr) shared->tracer = options.tracer;
  shared->lanes = loops.size();
  std::unique_ptr<Listener> listener(new Listener(loops, std::move(shared), metrics));
  if (auto opened = listener->open_lanes(options.listen, coordinator, backend); !opened.ok()) {
    return opened;
  }
  for (auto& lane : listener->lanes_) {
    asio::post(lane->executor(), [lane = lane.get()] { lane->start(); });
  }
  return listener;
}

absl::Status Listener::open_lanes(const HostPort& listen, CoordinatorClient& coordinator,
                                  BackendClient* backend) {
  const std::size_t send_buffer_bytes = shared_->limits.send_buffer_bytes;
  auto endpoint = resolve(loops_.loop(0), listen);
  if (!endpoint.ok()) return endpoint.status();
  // Lanes share the port, and so could another program of this user without anybody noticing: the
  // first bind is made alone, and fails when the port is taken.
  Acceptor alone(loops_.loop(0).get_executor());
  Error error = open(alone, *endpoint, false, send_buffer_bytes);
  if (!error) *endpoint = alone.local_endpoint(error);
  if (error) return cannot_listen(listen, error.message());
  alone.close(error);

  for (std::size_t i = 0; i < loops_.size(); ++i) {
    Acceptor acceptor(loops_.loop(i).get_executor());
    error = open(acceptor, *endpoint, true, send_buffer_bytes);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return cannot_listen(listen, error.message());
    lanes_.push_back(
        std::make_unique<Lane>(shared_, std::move(acceptor), coordinator, backend, metrics_));
  }
  port_ = endpoint->port();
  return absl::OkStatus();
}

bool Listener::on_every_lane(void (Lane::*what)(), Deadline deadline) {
  std::vector<std::future<void>> done;
  for (auto& lane : lanes_) {
    auto job = [lane = lane.get(), what] { (lane->*what)(); };
    done.push_back(asio::post(lane->executor(), asio::use_future(std::move(job))));
  }
  return std::ranges::all_of(done, [deadline](const std::future<void>& one) {
    return one.wait_until(deadline) == std::future_status::ready;
  });
}

void Listener::end_revoked() {
  for (auto& lane : lanes_) {
    asio::post(lane->executor(), [lane = lane.get()] { lane->end_revoked(); });
  }
}

void Listener::send_away(std::uint32_t per_s) {
  metrics_.draining.Set(1);
  const double share = static_cast<double>(per_s) / static_cast<double>(lanes_.size());
  for (auto& lane : lanes_) {
    asio::post(lane->executor(), [lane = lane.get(), share] { lane->send_away(share); });
  }
}

void Listener::drain(std::chrono::milliseconds budget) {
  constexpr std::chrono::milliseconds cut_time(200);
  const auto deadline = std::chrono::steady_clock::now() + budget;
  metrics_.draining.Set(1);
  if (on_every_lane(&Lane::drain, deadline) && shared_->sockets->wait_for_none(deadline - cut_time))
    return;
  on_every_lane(&Lane::cut, deadline);
  shared_->sockets->wait_for_none(deadline);
}

}  // namespace interlock
