#include "coordinator/ctl/console/server.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <chrono>
#include <list>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "coordinator/ctl/console/access.h"
#include "coordinator/ctl/console/api.h"
#include "coordinator/ctl/console/headers.h"
#include "coordinator/ctl/console/watches.h"

namespace interlock {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;
using Task = asio::awaitable<void>;

constexpr auto use_result = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t header_bytes_max = 8 * 1024;
constexpr std::size_t page_frame_bytes_max = 16 * 1024;
constexpr std::size_t api_threads = 4;
constexpr std::chrono::seconds request_limit{30};  // to arrive, idle time included; to be taken
constexpr std::chrono::seconds silence_max{60};    // of a page's WebSocket, pongs included
constexpr std::chrono::seconds handshake_max{10};
constexpr std::string_view live_protocol = "interlock.console";
constexpr std::string_view json_type = "application/json";

std::string_view std_view(beast::string_view text) { return {text.data(), text.size()}; }

std::string_view path_of(const Request& request) {
  const std::string_view target = std_view(request.target());
  return target.substr(0, target.find('?'));
}

Caller caller_of(const Request& request) {
  const bool one_host = request.count(http::field::host) == 1;
  return {.host = one_host ? std_view(request[http::field::host]) : std::string_view(),
          .origin = std_view(request[http::field::origin]),
          .authorization = std_view(request[http::field::authorization]),
          .subprotocols = std_view(request[http::field::sec_websocket_protocol])};
}

// One page that watches. `watches` comes last: its threads use the rest until they have ended.
struct LiveSocket : std::enable_shared_from_this<LiveSocket> {
  LiveSocket(beast::tcp_stream&& connection, Coordinators& coordinators)
      : stream(std::move(connection)),
        news(stream.get_executor()),
        watches(coordinators, [this] { wake(); }) {}

  // On any thread.
  void wake() {
    asio::post(stream.get_executor(), [weak = weak_from_this()] {
      if (const auto socket = weak.lock()) socket->news.cancel();
    });
  }

  websocket::stream<beast::tcp_stream> stream;
  asio::steady_timer news;
  bool open = true;
  Watches watches;
};

// Sends what comes, as fast as the page takes it; what it does not take keeps the watches waiting.
Task write_all(std::shared_ptr<LiveSocket> socket) {
  std::string frame;
  while (socket->open) {
    frame = socket->watches.take();
    if (frame.empty()) {
      socket->news.expires_at(asio::steady_timer::time_point::max());
      [[maybe_unused]] const auto [woken] = co_await socket->news.async_wait(use_result);
      continue;
    }
    const auto [error, size] = co_await socket->stream.async_write(asio::buffer(frame), use_result);
    if (error) socket->open = false;
  }
}

Task read_all(std::shared_ptr<LiveSocket> socket) {
  beast::flat_buffer buffer;
  while (socket->open) {
    const auto [error, size] = co_await socket->stream.async_read(buffer, use_result);
    if (error) break;
    const asio::const_buffer frame = buffer.cdata();
    const bool sense = socket->watches.obey({static_cast<const char*>(frame.data()), frame.size()});
    buffer.clear();
    if (sense) continue;
    const websocket::close_reason reason(websocket::close_code::policy_error);
    [[maybe_unused]] const auto [closed] = co_await socket->stream.async_close(reason, use_result);
    break;
  }
  socket->open = false;
  socket->news.cancel();
}

asio::awaitable<ApiAnswer> ask(Coordinators& coordinators, ApiRequest request) {
  co_return answer_api(coordinators, request);
}

}  // namespace

struct ConsoleServer::Implementation {
  Implementation(Coordinators& asked, ConsoleOptions wanted)
      : coordinators(asked), options(std::move(wanted)) {}
  ~Implementation();

  absl::Status listen();
  Task accept_all();
  Task serve(beast::tcp_stream stream);
  Task serve_live(beast::tcp_stream stream, Request request);
  asio::awaitable<Response> answer(const Request& request);
  Response answer_asset(const Request& request) const;
  Response make(const Request& request, http::status status, std::string_view type,
                std::string body) const;
  Response deny(const Request& request, const Denial& denial) const;
  std::optional<Denial> check(const Request& request) const;

  Coordinators& coordinators;
  const ConsoleOptions options;
  std::size_t connections = 0;
  asio::io_context io_context{1};
  asio::thread_pool workers{api_threads};  // they wait for coordinators
  tcp::acceptor acceptor{io_context};
  int port = 0;
  std::list<std::weak_ptr<LiveSocket>> sockets;
  std::thread thread;
};

ConsoleServer::Implementation::~Implementation() {
  io_context.stop();
  if (thread.joinable()) thread.join();
  workers.join();  // first: one of them may be ending the watches of a page that has just left
  for (const auto& weak : sockets) {
    if (const auto socket = weak.lock()) socket->watches.end();
  }
}

absl::Status ConsoleServer::Implementation::listen() {
  error_code error;
  const tcp::endpoint endpoint(asio::ip::address_v4::loopback(),
                               static_cast<std::uint16_t>(options.port));
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) port = acceptor.local_endpoint(error).port();
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      fmt::format("Cannot listen on 127.0.0.1:{}: {}; --port=0 takes a free port.", options.port,
                  error.message()));
}

Task ConsoleServer::Implementation::accept_all() {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(use_result);
    if (error == asio::error::operation_aborted) co_return;
    if (error || connections == console_connections_max) continue;
    ++connections;
    auto served = serve(beast::tcp_stream(std::move(socket)));
    asio::co_spawn(io_context, std::move(served), asio::detached);
  }
}

// Request after request, until the browser has had enough or asks for the WebSocket.
Task ConsoleServer::Implementation::serve(beast::tcp_stream stream) {
  const absl::Cleanup leave = [this] { --connections; };
  beast::flat_buffer buffer(header_bytes_max + api_body_bytes_max);
  for (bool keep_alive = true; keep_alive;) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(header_bytes_max);
    parser.body_limit(api_body_bytes_max);
    stream.expires_after(request_limit);
    const auto [unreadable, read] = co_await http::async_read(stream, buffer, parser, use_result);
    if (unreadable) break;
    Request request = parser.release();
    keep_alive = request.keep_alive();
    const bool live = path_of(request) == "/api/live" && websocket::is_upgrade(request);
    if (live && !check(request)) {
      auto served = serve_live(std::move(stream), std::move(request));
      co_await std::move(served);
      co_return;
    }
    Response response = co_await answer(request);
    stream.expires_after(request_limit);
    const auto [unwritten, written] = co_await http::async_write(stream, response, use_result);
    if (unwritten) break;
  }
  error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

Task ConsoleServer::Implementation::serve_live(beast::tcp_stream stream, Request request) {
  sockets.remove_if([](const auto& weak) { return weak.expired(); });
  if (sockets.size() == console_sockets_max) co_return;
  stream.expires_never();
  const auto socket = std::make_shared<LiveSocket>(std::move(stream), coordinators);
  sockets.push_back(socket);
  websocket::stream_base::timeout limits;
  limits.handshake_timeout = handshake_max;
  limits.idle_timeout = silence_max;
  limits.keep_alive_pings = true;
  socket->stream.set_option(limits);
  const auto name_protocol = [](websocket::response_type& response) {
    response.set(http::field::sec_websocket_protocol, live_protocol);
  };
  socket->stream.set_option(websocket::stream_base::decorator(name_protocol));
  socket->stream.read_message_max(page_frame_bytes_max);
  const auto [refused] = co_await socket->stream.async_accept(request, use_result);
  if (refused) co_return;
  auto writing = write_all(socket);
  asio::co_spawn(io_context, std::move(writing), asio::detached);
  auto reading = read_all(socket);
  co_await std::move(reading);
  error_code ignored;
  beast::get_lowest_layer(socket->stream).socket().close(ignored);
  // Its threads end in milliseconds, but not here, where everybody would wait for them.
  asio::post(workers, [socket] { socket->watches.end(); });
}

// Nothing: it may ask.
std::optional<Denial> ConsoleServer::Implementation::check(const Request& request) const {
  const Caller caller = caller_of(request);
  if (auto denial = check_site(caller, port)) return denial;
  if (!path_of(request).starts_with("/api/")) return std::nullopt;
  return check_token(caller, options.token);
}

asio::awaitable<Response> ConsoleServer::Implementation::answer(const Request& request) {
  if (const auto denial = check(request)) co_return deny(request, *denial);
  if (!path_of(request).starts_with("/api/")) co_return answer_asset(request);
  ApiRequest asked;
  asked.method = std_view(request.method_string());
  asked.target = std_view(request.target());
  asked.content_type = std_view(request[http::field::content_type]);
  asked.body = request.body();
  auto asking = ask(coordinators, std::move(asked));
  ApiAnswer got = co_await asio::co_spawn(workers, std::move(asking), asio::use_awaitable);
  co_return make(request, static_cast<http::status>(got.status), json_type, std::move(got.body));
}

Response ConsoleServer::Implementation::answer_asset(const Request& request) const {
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    return deny(request, {405, "There is only something to GET here."});
  }
  const Asset* asset = find_asset(options.assets, path_of(request));
  if (asset == nullptr) return deny(request, {404, "The console has no such page."});
  return make(request, http::status::ok, asset->content_type, std::string(asset->content));
}

Response ConsoleServer::Implementation::deny(const Request& request, const Denial& denial) const {
  return make(request, static_cast<http::status>(denial.status), json_type,
              error_json(denial.sentence, denial.status == 401 ? "token" : "denied"));
}

Response ConsoleServer::Implementation::make(const Request& request, http::status status,
                                             std::string_view type, std::string body) const {
  Response response(status, request.version());
  for (const auto& [name, value] : console_headers(port)) {
    response.set(beast::string_view(name.data(), name.size()), value);
  }
  response.set(http::field::content_type, beast::string_view(type.data(), type.size()));
  response.keep_alive(request.keep_alive());
  response.body() = std::move(body);
  response.prepare_payload();
  if (request.method() == http::verb::head) response.body().clear();
  return response;
}

ConsoleServer::ConsoleServer(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

ConsoleServer::~ConsoleServer() = default;

absl::StatusOr<std::unique_ptr<ConsoleServer>> ConsoleServer::start(Coordinators& coordinators,
                                                                    ConsoleOptions options) {
  auto made = std::make_unique<Implementation>(coordinators, std::move(options));
  const absl::Status status = made->listen();
  if (!status.ok()) return status;
  Implementation* const running = made.get();
  asio::co_spawn(running->io_context, running->accept_all(), asio::detached);
  running->thread = std::thread([running] { running->io_context.run(); });
  return std::unique_ptr<ConsoleServer>(new ConsoleServer(std::move(made)));
}

int ConsoleServer::port() const { return implementation_->port; }

}  // namespace interlock
