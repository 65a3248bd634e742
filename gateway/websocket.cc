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
#include <optional>
#include <utility>

#include "gateway/frame_head.h"
#include "gateway/spawn.h"
#include "gateway/wire.h"

namespace interlock {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Error = boost::system::error_code;

// Beast asks for these two by argument-dependent lookup. Both sides have said their close frame:
// what is queued still goes out, and leave() waits for the peer.
template <typename Handler>
void async_teardown(beast::role_type, Wire& wire, Handler&& handler) {
  wire.finish_sending();
  asio::post(wire.get_executor(), asio::append(std::forward<Handler>(handler), Error()));
}
inline void beast_close_socket(Wire& wire) { wire.cut(); }

namespace {

constexpr auto use_result = asio::as_tuple(use_task);
constexpr std::size_t first_read_bytes = 128;      // what a socket keeps ready while it waits
constexpr std::size_t next_read_bytes = 16 * 1024;  // at most, for what goes on behind these
constexpr int linger_periods_max = 60;

std::string_view std_view(beast::string_view text) { return {text.data(), text.size()}; }

// What is needed until the 101 is written.
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
        stream_(std::move(socket), limits.queue_bytes_max, std::move(tls)),
        handshake_(std::make_unique<Handshake>(limits)) {}

  void start() { wire().set_owner(weak_from_this(), this); }
  void observe(SocketObserver* observer) override { observer_ = observer; }

  Task<HeadOutcome> read_head() override;
  const HttpRequest& request() const override { return handshake_->request; }
  Task<BodyRead> read_body(std::size_t bytes_max) override;
  void answer(const HttpAnswer& answer) override;
  Task<bool> peer_left() override;
  Task<bool> upgrade(std::string_view subprotocol) override;
  Task<Incoming> read() override;
  bool send_text(std::string_view text) override;
  void send_ping() override;
  void close(std::uint16_t code, std::string_view reason) override;
  std::uint16_t sent_code() const override { return sent_code_; }
  void leave() override;
  void cut() override;
  void on_send(bool progress, bool drained) override {
    progressed_ = progressed_ || progress;
    if (observer_ != nullptr) observer_->on_send(progress, drained);
  }

 private:
  using Stream = beast::websocket::stream<Wire, false>;
  struct Closing {
    std::uint16_t code;
    std::string reason;
  };

  Wire& wire() { return stream_.next_layer(); }
  void configure(std::string_view subprotocol);
  void start_closing(const Closing& closing);
  Incoming ended(Error error);
  std::uint16_t received_code() const;
  Task<void> linger();
  Task<void> limit_lingering(std::shared_ptr<LoopTimer> timer);

  SocketLimits limits_;
  std::shared_ptr<void> ticket_;
  SocketObserver* observer_ = nullptr;
  Stream stream_;
  std::array<char, first_read_bytes> first_{};
  std::unique_ptr<Handshake> handshake_;  // until the 101 is written
  std::optional<Closing> closing_;        // asked for before the 101 was written
  std::optional<Error> closed_;           // how our own closing handshake ended
  std::uint16_t sent_code_ = 0;
  bool open_ = false;      // the 101 is written
  bool finished_ = false;  // a close frame was sent or received: no frame may follow
  bool left_ = false;
  bool progressed_ = false;  // the peer took something since this was last looked at
};

// ---- HTTP ----

Task<HeadOutcome> BeastSocket::read_head() {
  const auto self = shared_from_this();
  if (wire().encrypted()) {
    const auto [refused] = co_await wire().async_handshake(use_result);
    if (refused) co_return HeadOutcome::kNoTls;
  }
  Handshake& h = *handshake_;
  const auto [error, bytes] =
      co_await http::async_read_header(wire(), h.buffer, h.parser, use_result);
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
  if (asks_first) wire().append("HTTP/1.1 100 Continue\r\n\r\n", {});
  h.request = {};  // what it shows moves on
  http::request_parser<http::string_body> parser(std::move(h.parser));
  parser.body_limit(bytes_max);
  const auto [error, bytes] = co_await http::async_read(wire(), h.buffer, parser, use_result);
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
  wire().put(to_wire(answer));
  leave();
}

Task<bool> BeastSocket::peer_left() {
  const auto self = shared_from_this();
  const auto [error] = co_await wire().socket().async_wait(TcpSocket::wait_read, use_result);
  if (error) co_return false;
  char byte = 0;
  Error peeked;
  const std::size_t bytes =
      wire().socket().receive(asio::buffer(&byte, 1), TcpSocket::message_peek, peeked);
  if (peeked == asio::error::would_block) co_return false;
  co_return bytes == 0;
}

// ---- WebSocket ----

void BeastSocket::configure(std::string_view subprotocol) {
  stream_.read_message_max(limits_.frame_bytes_max);
  stream_.set_option(beast::websocket::stream_base::decorator(
      [selected = std::string(subprotocol)](beast::websocket::response_type& response) {
        response.set(http::field::server, "interlock");
        if (!selected.empty()) response.set(http::field::sec_websocket_protocol, selected);
      }));
  stream_.control_callback([this](beast::websocket::frame_type kind, beast::string_view) {
    if (kind == beast::websocket::frame_type::close) finished_ = true;
    if (kind == beast::websocket::frame_type::pong && observer_ != nullptr) observer_->on_pong();
  });
}

Task<bool> BeastSocket::upgrade(std::string_view subprotocol) {
  const auto self = shared_from_this();
  Error ignored;
  wire().socket().cancel(ignored);  // peer_left: nothing else is under way
  configure(subprotocol);
  const auto rest = handshake_->buffer.data();
  wire().unread(std::string(static_cast<const char*>(rest.data()), rest.size()));
  auto& request = handshake_->parser.get();
  request.set(http::field::connection, "Upgrade");  // Beast looks at the first of several only
  request.set(http::field::upgrade, "websocket");
  const auto [error] = co_await stream_.async_accept(request, use_result);
  handshake_.reset();
  stream_.set_option(beast::websocket::stream_base::decorator(
      [](beast::websocket::response_type&) {}));  // the other one is no longer needed
  if (error) co_return false;
  open_ = true;
  if (closing_) start_closing(*closing_);
  co_return true;
}

Task<Incoming> BeastSocket::read() {
  const auto self = shared_from_this();
  // Behind what the last frame has led to: its answer leaves first, and where others are to be
  // served meanwhile the next frame may be there by then, so that it need not be waited for.
  co_await asio::post(stream_.get_executor(), use_task);
  const auto place = asio::buffer(first_);
  const auto [error, bytes] = co_await stream_.async_read_some(place, use_result);
  if (error) co_return ended(error);
  FrameReceived frame;
  std::string& text = frame.payload;
  text.assign(first_.data(), bytes);
  while (!stream_.is_message_done()) {
    const std::size_t end = text.size();
    text.resize(end + std::min(stream_.read_size_hint(), next_read_bytes));
    const auto rest = asio::buffer(text) + end;
    const auto [failed, more] = co_await stream_.async_read_some(rest, use_result);
    if (failed) co_return ended(failed);
    text.resize(end + more);
  }
  frame.binary = stream_.got_binary();
  co_return frame;
}

Incoming BeastSocket::ended(Error error) {
  using beast::websocket::condition;
  if (error == beast::websocket::error::closed) return SocketEnded{received_code()};
  if (closed_) {
    return SocketEnded{*closed_ ? static_cast<std::uint16_t>(CloseCode::kLost) : received_code()};
  }
  // Beast has answered a breach of the protocol with the code that RFC 6455 has for it.
  if (error == beast::websocket::error::message_too_big) {
    sent_code_ = beast::websocket::close_code::too_big;
    return FrameTooBig{};
  }
  if (error == beast::websocket::error::bad_frame_payload) {
    sent_code_ = beast::websocket::close_code::bad_payload;
  } else if (error == condition::protocol_violation) {
    sent_code_ = beast::websocket::close_code::protocol_error;
  }
  return SocketEnded{static_cast<std::uint16_t>(CloseCode::kLost)};
}

std::uint16_t BeastSocket::received_code() const {
  const std::uint16_t code = stream_.reason().code;
  return code == 0 ? static_cast<std::uint16_t>(CloseCode::kNoStatus) : code;
}

bool BeastSocket::send_text(std::string_view text) {
  if (!open_ || finished_) return true;
  return wire().append(FrameHead(FrameKind::kText, text.size()).bytes(), text);
}

void BeastSocket::send_ping() {
  if (!open_ || finished_) return;
  wire().append(FrameHead(FrameKind::kPing, 0).bytes(), {});
}

void BeastSocket::close(std::uint16_t code, std::string_view reason) {
  if (closing_ || left_) return;
  constexpr std::size_t reason_bytes_max = 123;
  closing_ = Closing{code, std::string(reason.substr(0, reason_bytes_max))};
  if (open_) start_closing(*closing_);
}

void BeastSocket::start_closing(const Closing& closing) {
  if (finished_) return;
  finished_ = true;
  sent_code_ = closing.code;
  const beast::websocket::close_reason reason(
      static_cast<beast::websocket::close_code>(closing.code), closing.reason);
  stream_.async_close(reason, [self = shared_from_this()](Error error) { self->closed_ = error; });
}

// ---- the end ----

void BeastSocket::leave() {
  observer_ = nullptr;
  if (std::exchange(left_, true)) return;
  wire().finish_sending();
  spawn(wire().get_executor(), linger());
}

// Closing with unread bytes would reset the connection, and the reset may overtake what was said
// last: so they are read until the peer closes too (RFC 9112, 9.6).
Task<void> BeastSocket::linger() {
  const auto self = shared_from_this();
  const auto timer = std::make_shared<LoopTimer>(wire().get_executor());
  spawn(wire().get_executor(), limit_lingering(timer));
  std::array<char, 1024> discarded{};
  const auto place = asio::buffer(discarded);
  for (;;) {
    const auto [error, bytes] = co_await wire().socket().async_read_some(place, use_result);
    if (error) break;
  }
  timer->cancel();
  wire().close();
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
  observer_ = nullptr;
  left_ = true;
  wire().cut();
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
