#include "common/http_server.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <string_view>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"

namespace interlock {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
using Clock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;
using Task = asio::awaitable<void, Executor>;
using Parser = http::request_parser<http::empty_body>;
using Response = http::response<http::string_body>;

constexpr auto use_task = asio::as_tuple(asio::use_awaitable_t<Executor>());

constexpr std::size_t buffer_bytes_max = std::size_t{2} * http_header_bytes_max;
constexpr std::size_t discarded_bytes_max = 64 * 1024;
constexpr std::chrono::milliseconds pause_after_failed_accept{100};

struct Answer {
  http::status status;
  std::string body;
  std::string_view content_type = "text/plain; charset=utf-8";
};

Answer answer_path(std::string_view path, const HttpServerOptions& options) {
  if (path == "/health/live") return {http::status::ok, "live\n"};
  if (path == "/health/ready") {
    const Readiness readiness = options.readiness();
    if (readiness.ready) return {http::status::ok, "ready\n"};
    return {http::status::service_unavailable, readiness.reason + "\n"};
  }
  if (path == "/metrics") {
    return {http::status::ok, options.metrics(), "text/plain; version=0.0.4; charset=utf-8"};
  }
  return {http::status::not_found, "not found\n"};
}

bool known_path(std::string_view path) {
  return path == "/health/live" || path == "/health/ready" || path == "/metrics";
}

Answer answer_request(const http::request<http::empty_body>& request,
                      const HttpServerOptions& options) {
  const std::string_view target(request.target().data(), request.target().size());
  const std::string_view path = target.substr(0, target.find('?'));
  const bool reads = request.method() == http::verb::get || request.method() == http::verb::head;
  if (known_path(path) && !reads) {
    return {http::status::method_not_allowed, "only GET and HEAD\n"};
  }
  return answer_path(path, options);
}

Answer answer_unreadable(const error_code& error) {
  if (error == http::error::header_limit) {
    return {http::status::request_header_fields_too_large, "header too large\n"};
  }
  return {http::status::bad_request, "bad request\n"};
}

Response make_response(Answer answer, unsigned version, bool head, bool keep_alive) {
  Response response(answer.status, version);
  response.set(http::field::content_type, answer.content_type);
  response.set(http::field::cache_control, "no-store");
  if (answer.status == http::status::method_not_allowed) {
    response.set(http::field::allow, "GET, HEAD");
  }
  response.keep_alive(keep_alive);
  response.body() = std::move(answer.body);
  response.prepare_payload();
  if (head) response.body().clear();  // Content-Length stays that of the GET
  return response;
}

// One client. Held by its coroutine, and weakly by its deadline.
struct Connection {
  explicit Connection(Socket accepted)
      : socket(std::move(accepted)), timer(socket.get_executor()), buffer(buffer_bytes_max) {}

  Socket socket;
  Timer timer;
  boost::beast::flat_buffer buffer;
};

// Closes the connection after `limit`, unless this is called again before.
void limit_next_step(const std::shared_ptr<Connection>& connection,
                     std::chrono::milliseconds limit) {
  connection->timer.expires_after(limit);
  connection->timer.async_wait([weak = std::weak_ptr(connection)](error_code cancelled) {
    const auto held = weak.lock();
    if (cancelled || !held || held->timer.expiry() > Clock::now()) return;
    error_code ignored;
    held->socket.close(ignored);
  });
}

absl::Status cannot_listen(const HostPort& address, const error_code& error) {
  return absl::UnavailableError(
      fmt::format("Cannot listen on {}: {}.", to_string(address), error.message()));
}

}  // namespace

struct HttpServer::Implementation {
  explicit Implementation(HttpServerOptions wanted) : options(std::move(wanted)) {}

  ~Implementation() {
    io_context.stop();
    if (thread.joinable()) thread.join();
  }

  absl::Status listen();
  Task accept_all();
  Task serve(std::shared_ptr<Connection> connection);
  Task answer_all(std::shared_ptr<Connection> connection);
  Task hang_up(std::shared_ptr<Connection> connection);

  const HttpServerOptions options;
  std::size_t connections = 0;
  asio::io_context io_context{1};
  Acceptor acceptor{io_context};
  int port = 0;
  std::thread thread;
};

absl::Status HttpServer::Implementation::listen() {
  error_code error;
  tcp::resolver resolver(io_context);
  const auto found =
      resolver.resolve(options.listen.host, std::to_string(options.listen.port),
                       tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) return cannot_listen(options.listen, error);
  const tcp::endpoint endpoint = *found.begin();
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) port = acceptor.local_endpoint(error).port();
  return error ? cannot_listen(options.listen, error) : absl::OkStatus();
}

Task HttpServer::Implementation::accept_all() {
  Timer pause(io_context);
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(use_task);
    if (error) {  // such as no file descriptor left: others must be closed first
      pause.expires_after(pause_after_failed_accept);
      co_await pause.async_wait(use_task);
      continue;
    }
    if (connections == options.connections_max) continue;
    ++connections;
    auto connection = std::make_shared<Connection>(std::move(socket));
    asio::co_spawn(io_context, serve(std::move(connection)), asio::detached);
  }
}

Task HttpServer::Implementation::serve(std::shared_ptr<Connection> connection) {
  const absl::Cleanup leave = [this] { --connections; };
  co_await answer_all(connection);
  co_await hang_up(connection);
}

// Until the client has had enough, or sends what cannot be read.
Task HttpServer::Implementation::answer_all(std::shared_ptr<Connection> connection) {
  for (bool keep_alive = true; keep_alive;) {
    Parser parser;
    parser.header_limit(http_header_bytes_max);
    parser.body_limit(boost::none);  // no body is ever read
    limit_next_step(connection, options.deadline);
    auto [unreadable, read] =
        co_await http::async_read_header(connection->socket, connection->buffer, parser, use_task);
    const bool ours =
        unreadable.category() == http::make_error_code(http::error::bad_method).category();
    if (unreadable && (!ours || unreadable == http::error::end_of_stream)) co_return;

    keep_alive = !unreadable && parser.is_done() && parser.keep_alive();
    const bool head = !unreadable && parser.get().method() == http::verb::head;
    const unsigned version = unreadable ? 11 : parser.get().version();
    Answer answer =
        unreadable ? answer_unreadable(unreadable) : answer_request(parser.get(), options);
    Response response = make_response(std::move(answer), version, head, keep_alive);
    limit_next_step(connection, options.deadline);
    auto [unwritten, written] = co_await http::async_write(connection->socket, response, use_task);
    if (unwritten) co_return;
  }
}

// Says that nothing more will come, and reads on until the client has said so too: closing with
// unread bytes would make the system throw the answer away before the client has read it.
Task HttpServer::Implementation::hang_up(std::shared_ptr<Connection> connection) {
  error_code error;
  connection->socket.shutdown(Socket::shutdown_send, error);
  limit_next_step(connection, options.deadline);
  std::array<char, 4096> unwanted;
  for (std::size_t sum = 0; !error && sum < discarded_bytes_max;) {
    auto [end, size] =
        co_await connection->socket.async_read_some(asio::buffer(unwanted), use_task);
    error = end;
    sum += size;
  }
}

HttpServer::HttpServer(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options) {
  auto implementation = std::make_unique<Implementation>(std::move(options));
  absl::Status status = implementation->listen();
  if (!status.ok()) return status;
  Implementation* const running = implementation.get();
  asio::co_spawn(running->io_context, running->accept_all(), asio::detached);
  running->thread = std::thread([running] { running->io_context.run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(implementation)));
}

int HttpServer::port() const { return implementation_->port; }

}  // namespace interlock
