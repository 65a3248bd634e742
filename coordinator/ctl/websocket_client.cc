#include "coordinator/ctl/websocket_client.h"

#include <openssl/ssl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/json/parse.hpp>
#include <deque>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace interlock {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using Error = boost::system::error_code;
using Clock = std::chrono::steady_clock;

namespace {

constexpr const char* subprotocol = "interlock.v1";
constexpr std::size_t frame_bytes_max = 1024 * 1024;

std::string std_text(beast::string_view text) { return {text.data(), text.size()}; }

// The gateway answers a refusal with {"message", "after_ms", ...}.
SocketRefused refusal_of(const http::response<http::string_body>& response) {
  SocketRefused refused{.status = response.result_int(), .message = "", .after_ms = 0};
  Error error;
  const boost::json::value body = boost::json::parse(response.body(), error);
  if (error || !body.is_object()) return refused;
  const auto* message = body.as_object().if_contains("message");
  if (message != nullptr && message->is_string()) refused.message = message->as_string().c_str();
  const auto* after_ms = body.as_object().if_contains("after_ms");
  if (after_ms != nullptr && after_ms->is_int64() && after_ms->as_int64() > 0) {
    refused.after_ms = static_cast<std::uint64_t>(after_ms->as_int64());
  }
  return refused;
}

}  // namespace

// Whatever carries it.
class WebSocketClient::Socket {
 public:
  virtual ~Socket() = default;
  virtual SocketOpening open(const WebSocketUrl& url, const std::string& query,
                             const std::string& token) = 0;
  virtual bool send(const std::string& text) = 0;
  virtual void cut() = 0;
  virtual SocketEnd close() = 0;

  SocketNews read() {
    run([this] { return !frames_.empty() || end_.has_value(); });
    if (!frames_.empty()) {
      SocketFrame frame{std::move(frames_.front())};
      frames_.pop_front();
      return frame;
    }
    if (end_) return *end_;
    return SocketSilence{};
  }

  void set_timeout(std::chrono::milliseconds timeout) { deadline_ = Clock::now() + timeout; }

 protected:
  // Until `done` says so; false: not in time.
  bool run(const std::function<bool()>& done) {
    while (!done()) {
      io_.restart();
      if (io_.run_one_until(deadline_) == 0) return done();
    }
    return true;
  }

  // Starts something and waits for its completion; the result may come when nobody waits any more.
  template <typename Start>
  Error wait(Start start) {
    const auto result = std::make_shared<std::optional<Error>>();
    start([result](Error error, auto&&...) { *result = error; });
    if (!run([&] { return result->has_value(); })) return asio::error::timed_out;
    return **result;
  }

  asio::io_context io_;  // outlives what runs on it
  std::deque<std::string> frames_;
  std::optional<SocketEnd> end_;
  Clock::time_point deadline_;
};

namespace {

template <typename Layer>
class SocketOver final : public WebSocketClient::Socket {
 public:
  template <typename... More>
  explicit SocketOver(More&... more) : stream_(io_, more...) {}

  SocketOpening open(const WebSocketUrl& url, const std::string& query,
                     const std::string& token) override {
    asio::ip::tcp::resolver resolver(io_);
    asio::ip::tcp::resolver::results_type found;
    Error error = wait([&](auto done) {
      resolver.async_resolve(url.host, url.port,
                             [&found, done](Error failed, const auto& results) mutable {
                               if (!failed) found = results;
                               done(failed);
                             });
    });
    if (!error) {
      error = wait([&](auto done) { lowest().async_connect(found, std::move(done)); });
    }
    if (error) return SocketUnreached{error.message()};
    lowest().socket().set_option(asio::ip::tcp::no_delay(true), error);
    if constexpr (!std::is_same_v<Layer, beast::tcp_stream>) {
      error = start_tls(url.host);
      if (error) return SocketUnreached{"no TLS: " + error.message()};
    }
    return upgrade(url, query, token);
  }

  bool send(const std::string& text) override {
    if (end_) return false;
    sent_ = text;
    return !wait([&](auto done) { stream_.async_write(asio::buffer(sent_), std::move(done)); });
  }

  void cut() override {
    Error ignored;
    lowest().socket().set_option(asio::socket_base::linger(true, 0), ignored);
    lowest().socket().close(ignored);
  }

  SocketEnd close() override {
    const Error error = wait(
        [&](auto done) { stream_.async_close(websocket::close_code::normal, std::move(done)); });
    if (!error) return reason();
    // The reading side has seen why, or will.
    run([this] { return end_.has_value(); });
    return end_.value_or(SocketEnd{});
  }

 private:
  auto& lowest() { return beast::get_lowest_layer(stream_); }

  Error start_tls(const std::string& host) {
    auto& tls = stream_.next_layer();
    if (SSL_set_tlsext_host_name(tls.native_handle(), host.c_str()) != 1) {
      return asio::error::invalid_argument;
    }
    tls.set_verify_callback(asio::ssl::host_name_verification(host));
    return wait(
        [&](auto done) { tls.async_handshake(asio::ssl::stream_base::client, std::move(done)); });
  }

  SocketOpening upgrade(const WebSocketUrl& url, const std::string& query,
                        const std::string& token) {
    stream_.read_message_max(frame_bytes_max);
    stream_.text(true);
    stream_.set_option(websocket::stream_base::decorator([token](websocket::request_type& request) {
      request.set(http::field::user_agent, "interlockctl");
      request.set(http::field::sec_websocket_protocol, subprotocol);
      if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
    }));
    const std::string target = query.empty() ? url.path : url.path + "?" + query;
    const std::string host = host_header(url);
    const Error error =
        wait([&](auto done) { stream_.async_handshake(response_, host, target, std::move(done)); });
    if (error == websocket::error::upgrade_declined) return refusal_of(response_);
    if (error) return SocketUnreached{"no answer to the upgrade: " + error.message()};
    if (std_text(response_[http::field::sec_websocket_protocol]) != subprotocol) {
      return SocketUnreached{"it upgrades, but does not speak interlock.v1"};
    }
    read_next();
    return SocketOpened{};
  }

  // Always reading, so that pings are answered and the end is noticed.
  void read_next() {
    stream_.async_read(buffer_, [this](Error error, std::size_t) {
      if (error) {
        end_ = error == websocket::error::closed ? reason() : SocketEnd{};
        return;
      }
      frames_.push_back(beast::buffers_to_string(buffer_.data()));
      buffer_.consume(buffer_.size());
      read_next();
    });
  }

  SocketEnd reason() const {
    const auto& said = stream_.reason();
    constexpr std::uint16_t no_status = 1005;
    return {.code = said.code == 0 ? no_status : static_cast<std::uint16_t>(said.code),
            .reason = std_text({said.reason.data(), said.reason.size()})};
  }

  websocket::stream<Layer> stream_;
  http::response<http::string_body> response_;
  beast::flat_buffer buffer_;
  std::string sent_;
};

std::unique_ptr<WebSocketClient::Socket> make_socket(bool tls) {
  if (!tls) return std::make_unique<SocketOver<beast::tcp_stream>>();
  asio::ssl::context context(asio::ssl::context::tls_client);
  Error ignored;  // without authorities every certificate is refused, which is said then
  context.set_default_verify_paths(ignored);
  context.set_verify_mode(asio::ssl::verify_peer);
  return std::make_unique<SocketOver<asio::ssl::stream<beast::tcp_stream>>>(context);
}

}  // namespace

WebSocketClient::WebSocketClient() = default;
WebSocketClient::~WebSocketClient() = default;

SocketOpening WebSocketClient::open(const WebSocketUrl& url, const std::string& query,
                                    const std::string& token, std::chrono::milliseconds timeout) {
  cut();
  socket_ = make_socket(url.tls);
  socket_->set_timeout(timeout);
  SocketOpening opening = socket_->open(url, query, token);
  if (!std::holds_alternative<SocketOpened>(opening)) cut();
  return opening;
}

SocketNews WebSocketClient::read(std::chrono::milliseconds timeout) {
  if (socket_ == nullptr) return SocketEnd{};
  socket_->set_timeout(timeout);
  return socket_->read();
}

bool WebSocketClient::send(const std::string& text, std::chrono::milliseconds timeout) {
  if (socket_ == nullptr) return false;
  socket_->set_timeout(timeout);
  return socket_->send(text);
}

void WebSocketClient::cut() {
  if (socket_ != nullptr) socket_->cut();
  socket_.reset();
}

SocketEnd WebSocketClient::close(std::chrono::milliseconds timeout) {
  if (socket_ == nullptr) return {};
  socket_->set_timeout(timeout);
  const SocketEnd end = socket_->close();
  cut();
  return end;
}

}  // namespace interlock
