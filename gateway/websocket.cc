#include "gateway/websocket.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <chrono>
#include <utility>

#include "gateway/frame_stream.h"
#include "gateway/spawn.h"
#include "gateway/wire.h"

namespace interlock {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Error = boost::system::error_code;

// Beast asks for these two by argument-dependent lookup, when a handshake fails.
template <typename Handler>
void async_teardown(beast::role_type, Wire& wire, Handler&& handler) {
  wire.finish_sending();
  asio::post(wire.get_executor(), asio::append(std::forward<Handler>(handler), Error()));
}
inline void beast_close_socket(Wire& wire) { wire.cut(); }

namespace {

constexpr auto use_result = asio::as_tuple(use_task);
constexpr int linger_periods_max = 60;

std::string_view std_view(beast::string_view text) { return {text.data(), text.size()}; }

// What is needed until frames are read.
struct Handshake {
  explicit Handshake(const SocketLimits& limits) : buffer(limits.head_bytes_max + 4096) {
    parser.header_limit(static_cast<std::uint32_t>(limits.head_bytes_max));
    parser.body_limit(boost::none);  // whoever reads a body says how long it may be
  }
  beast::flat_buffer buffer;
  http::request_parser<http::empty_body> parser;
  HttpRequest request;
};

class BeastSocket final : public ClientSocket,
                          public WireObserver,
                          public std::enable_shared_from_this<BeastSocket> {
 public:
  BeastSocket(TcpSocket socket, const SocketLimits& limits, std::shared_ptr<void> ticket,
              std::shared_ptr<TlsContext> tls)
      : limits_(limits),
        ticket_(std::move(ticket)),
        wire_(std::move(socket), limits.queue_bytes_max, std::move(tls)),
        frames_(wire_, limits.frame_bytes_max),
        handshake_(std::make_unique<Handshake>(limits)) {}

  void start() { wire_.set_owner(weak_from_this(), this); }
  void observe(SocketObserver* observer) override { frames_.observe(observer); }

  Task<HeadOutcome> read_head() override;
  const HttpRequest& request() const override { return handshake_->request; }
  Task<BodyRead> read_body(std::size_t bytes_max) override;
  void answer(const HttpAnswer& answer) override;
  Task<bool> peer_left() override;
  Task<bool> upgrade(std::string_view subprotocol) override;
  void start_reading() override;
  bool send_text(std::string_view text) override { return frames_.send_text(text); }
  void send_ping() override { frames_.send_ping(); }
  void close(std::uint16_t code, std::string_view reason) override { frames_.close(code, reason); }
  std::uint16_t sent_code() const override { return frames_.sent_code(); }
  void leave() override;
  void cut() override;
  void on_send(bool progress, bool drained) override {
    progressed_ = progressed_ || progress;
    if (frames_.observer() != nullptr) frames_.observer()->on_send(progress, drained);
  }

 private:
  Task<void> linger();
  Task<void> limit_lingering(std::shared_ptr<LoopTimer> timer);

  SocketLimits limits_;
  std::shared_ptr<void> ticket_;
  Wire wire_;
  FrameStream frames_;
  std::unique_ptr<Handshake> handshake_;  // until frames are read
  bool left_ = false;
  bool progressed_ = false;  // the peer took something since this was last looked at
};

// ---- HTTP ----

Task<HeadOutcome> BeastSocket::read_head() {
  const auto self = shared_from_this();
  if (wire_.encrypted()) {
    const auto [refused] = co_await wire_.async_handshake(use_result);
    if (refused) co_return HeadOutcome::kNoTls;
  }
  Handshake& h = *handshake_;
  const auto [error, bytes] =
      co_await http::async_read_header(wire_, h.buffer, h.parser, use_result);
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    co_return HeadOutcome::kTooLarge;
  }
  if (error && error.category() == make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    co_return HeadOutcome::kMalformed;
  }
  if (error) co_return HeadOutcome::kGone;

  const auto& message = h.parser.get();
  h.request.method = std_view(message.method_string());
  h.request.target = std_view(message.target());
  h.request.version = message.version();
  for (const auto& field : message) {
    h.request.fields.push_back({std_view(field.name_string()), std_view(field.value())});
  }
  co_return HeadOutcome::kRequest;
}

Task<BodyRead> BeastSocket::read_body(std::size_t bytes_max) {
  const auto self = shared_from_this();
  Handshake& h = *handshake_;
  BodyRead read;
  const auto length = h.parser.content_length();
  if (length && *length > bytes_max) {
    read.outcome = BodyOutcome::kTooLarge;
    co_return read;
  }
  const bool asks_first =
      beast::iequals(h.parser.get()[http::field::expect], "100-continue") && h.request.version > 10;
  if (asks_first) wire_.append("HTTP/1.1 100 Continue\r\n\r\n", {});
  h.request = {};  // what it shows moves on
  http::request_parser<http::string_body> parser(std::move(h.parser));
  parser.body_limit(bytes_max);
  const auto [error, bytes] = co_await http::async_read(wire_, h.buffer, parser, use_result);
  if (!error) {
    read.outcome = BodyOutcome::kWhole;
    read.text = std::move(parser.get().body());
  } else if (error == http::error::body_limit) {
    read.outcome = BodyOutcome::kTooLarge;
  } else if (error.category() == make_error_code(http::error::bad_method).category() &&
             error != http::error::end_of_stream && error != http::error::partial_message) {
    read.outcome = BodyOutcome::kMalformed;
  }
  co_return read;
}

void BeastSocket::answer(const HttpAnswer& answer) {
  wire_.put(to_wire(answer));
  leave();
}

Task<bool> BeastSocket::peer_left() {
  const auto self = shared_from_this();
  const auto [error] = co_await wire_.socket().async_wait(TcpSocket::wait_read, use_result);
  if (error) co_return false;
  char byte = 0;
  Error peeked;
  const std::size_t bytes =
      wire_.socket().receive(asio::buffer(&byte, 1), TcpSocket::message_peek, peeked);
  if (peeked == asio::error::would_block) co_return false;
  co_return bytes == 0;
}

// ---- WebSocket ----

// What Beast needs to write the 101 goes when that is written.
Task<bool> BeastSocket::upgrade(std::string_view subprotocol) {
  const auto self = shared_from_this();
  Error ignored;
  wire_.socket().cancel(ignored);  // peer_left: nothing else is under way
  beast::websocket::stream<Wire&, false> stream(wire_);
  stream.set_option(beast::websocket::stream_base::decorator(
      [selected = std::string(subprotocol)](beast::websocket::response_type& response) {
        response.set(http::field::server, "interlock");
        if (!selected.empty()) response.set(http::field::sec_websocket_protocol, selected);
      }));
  auto& request = handshake_->parser.get();
  request.set(http::field::connection, "Upgrade");  // Beast looks at the first of several only
  request.set(http::field::upgrade, "websocket");
  const auto [error] = co_await stream.async_accept(request, use_result);
  if (error) co_return false;
  frames_.open();
  co_return true;
}

void BeastSocket::start_reading() {
  const auto handshake = std::exchange(handshake_, nullptr);
  const auto early = handshake->buffer.data();
  frames_.start_reading(shared_from_this(),
                        {static_cast<const char*>(early.data()), early.size()});
}

// ---- the end ----

void BeastSocket::leave() {
  frames_.stop();
  if (std::exchange(left_, true)) return;
  wire_.finish_sending();
  spawn(wire_.get_executor(), linger());
}

// Closing with unread bytes would reset the connection, and the reset may overtake what was said
// last: so they are read until the peer closes too (RFC 9112, 9.6).
Task<void> BeastSocket::linger() {
  const auto self = shared_from_this();
  const auto timer = std::make_shared<LoopTimer>(wire_.get_executor());
  spawn(wire_.get_executor(), limit_lingering(timer));
  std::array<char, 1024> discarded{};
  const auto place = asio::buffer(discarded);
  for (;;) {
    const auto [error, bytes] = co_await wire_.socket().async_read_some(place, use_result);
    if (error) break;
  }
  timer->cancel();
  wire_.close();
}

// As long as the peer takes something in each period, but not for ever.
Task<void> BeastSocket::limit_lingering(std::shared_ptr<LoopTimer> timer) {
  const auto self = shared_from_this();
  progressed_ = true;
  for (int period = 0; period < linger_periods_max && std::exchange(progressed_, false); ++period) {
    timer->expires_after(std::chrono::milliseconds(limits_.linger_ms));
    const auto [error] = co_await timer->async_wait(use_result);
    if (error) co_return;  // it is over
  }
  cut();
}

void BeastSocket::cut() {
  frames_.stop();
  left_ = true;
  wire_.cut();
}

}  // namespace

std::shared_ptr<ClientSocket> make_client_socket(TcpSocket socket, const SocketLimits& limits,
                                                 std::shared_ptr<void> ticket,
                                                 std::shared_ptr<TlsContext> tls) {
  auto made = std::make_shared<BeastSocket>(std::move(socket), limits, std::move(ticket),
                                            std::move(tls));
  made->start();
  return made;
}

}  // namespace interlock
