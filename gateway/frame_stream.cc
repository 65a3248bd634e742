#include "gateway/frame_stream.h"

#include <utility>
#include <variant>

namespace interlock {

namespace asio = boost::asio;

namespace {

constexpr std::size_t next_read_bytes = 16 * 1024;  // at most at once, behind the first ones
constexpr std::uint16_t normal_closure = 1000;
constexpr std::uint16_t message_too_big = 1009;

}  // namespace

void FrameStream::open() {
  open_ = true;
  if (asked_code_ != 0) close(std::exchange(asked_code_, 0), *std::exchange(asked_reason_, {}));
}

void FrameStream::stop() {
  observer_ = nullptr;
  stopped_ = true;
}

// ---- reading ----

void FrameStream::start_reading(std::shared_ptr<void> owner, std::string_view early) {
  if (take(early)) read(std::move(owner));
}

void FrameStream::read(std::shared_ptr<void> owner) {
  const auto place = next_ == nullptr ? asio::buffer(first_) : asio::buffer(*next_);
  wire_.async_read_some(
      place, [this, owner = std::move(owner)](Error error, std::size_t bytes) mutable {
        on_read(error, bytes, std::move(owner));
      });
}

void FrameStream::on_read(Error error, std::size_t bytes, std::shared_ptr<void> owner) {
  if (stopped_) return;
  if (error) return lost();
  const std::string_view place =
      next_ == nullptr ? std::string_view(first_.data(), first_.size()) : std::string_view(*next_);
  if (!take(place.substr(0, bytes))) return;
  const bool full = bytes == place.size();
  if (wire_.encrypted()) {
    if (!full) {
      next_ = nullptr;
    } else if (next_ == nullptr) {
      next_ = std::make_unique<std::string>(next_read_bytes, '\0');
    }
  } else if (full && !take_rest()) {
    return;
  }
  // Behind what this has led to: answers leave first, and where others are to be served meanwhile
  // more may be there by then, so that it need not be waited for.
  asio::post(wire_.get_executor(), [this, owner = std::move(owner)]() mutable {
    if (!stopped_) read(std::move(owner));
  });
}

// What the kernel has already, of a plain socket. The stack is the one buffer for all sockets of
// this thread. Once, so that the others get their turn.
bool FrameStream::take_rest() {
  std::array<char, next_read_bytes> bytes;
  Error error;
  const std::size_t got = wire_.socket().receive(asio::buffer(bytes), 0, error);
  if (error == asio::error::would_block) return true;
  if (!error) return take({bytes.data(), got});
  lost();
  return false;
}

// One event is dealt with before the next is looked for: it may stop this. False: it has.
bool FrameStream::take(std::string_view bytes) {
  while (!stopped_) {
    FrameEvent event = reader_.next(bytes);
    if (std::holds_alternative<MoreNeeded>(event)) return true;
    std::visit([this](auto& what) { on(what); }, event);
  }
  return false;
}

void FrameStream::on(MessageRead& message) {
  if (finished_ || observer_ == nullptr) return;
  observer_->on_incoming(FrameReceived{message.binary, std::move(message.payload)});
}

void FrameStream::on(const PingRead& ping) {
  if (finished_) return;
  // A peer that asks for more answers than it reads is not worth any.
  if (!wire_.append_control(FrameHead(FrameKind::kPong, ping.payload.size()).bytes(),
                            ping.payload)) {
    lost();
  }
}

void FrameStream::on(const PongRead&) {
  if (!finished_ && observer_ != nullptr) observer_->on_pong();
}

void FrameStream::on(const CloseRead& close) {
  if (!finished_) send_close(close.code == 0 ? normal_closure : close.code, {});
  wire_.finish_sending();
  end(SocketEnded{close.code == 0 ? static_cast<std::uint16_t>(CloseCode::kNoStatus) : close.code});
}

void FrameStream::on(const FrameBreach& breach) {
  const bool first = !finished_;
  if (first) {
    send_close(breach.code, {});
    sent_code_ = breach.code;
  }
  wire_.finish_sending();
  if (first && breach.code == message_too_big) return end(FrameTooBig{});
  lost();
}

void FrameStream::end(Incoming last) {
  stopped_ = true;
  if (observer_ != nullptr) std::exchange(observer_, nullptr)->on_incoming(std::move(last));
}

// ---- sending ----

bool FrameStream::send_text(std::string_view text) {
  if (!open_ || finished_) return true;
  return wire_.append(FrameHead(FrameKind::kText, text.size()).bytes(), text);
}

void FrameStream::send_ping() {
  if (!open_ || finished_) return;
  wire_.append(FrameHead(FrameKind::kPing, 0).bytes(), {});
}

void FrameStream::close(std::uint16_t code, std::string_view reason) {
  constexpr std::size_t reason_bytes_max = 123;
  if (finished_ || asked_code_ != 0) return;
  reason = reason.substr(0, reason_bytes_max);
  if (open_) {
    send_close(code, reason);
    sent_code_ = code;
    return;
  }
  asked_code_ = code;
  asked_reason_ = std::make_unique<std::string>(reason);
}

// What finds no room is not said: whoever closes waits for the answer for so long only.
void FrameStream::send_close(std::uint16_t code, std::string_view reason) {
  finished_ = true;
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  payload += reason;
  wire_.append_control(FrameHead(FrameKind::kClose, payload.size()).bytes(), payload);
}

}  // namespace interlock
