// The frames of one WebSocket, from its 101 to its end.
//
// Answers pings and the closing handshake, and hands the rest to an observer. While nothing comes
// it holds a few bytes to read into and no coroutine. Everything happens on the socket's loop.
#pragma once

#include <array>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/close_code.h"
#include "gateway/frame_reader.h"
#include "gateway/websocket.h"
#include "gateway/wire.h"

namespace interlock {

class FrameStream {
 public:
  FrameStream(Wire& wire, std::size_t message_bytes_max)
      : wire_(wire), reader_(message_bytes_max) {}

  void observe(SocketObserver* observer) { observer_ = observer; }
  SocketObserver* observer() const { return observer_; }

  // The 101 is written. Nothing is sent before.
  void open();
  // Once. `owner` keeps this and the wire, as long as more is read; `early`: what has come already.
  void start_reading(std::shared_ptr<void> owner, std::string_view early);
  // Nothing is reported and nothing is read any more.
  void stop();

  // As ClientSocket says.
  bool send_text(std::string_view text);
  void send_ping();
  void close(std::uint16_t code, std::string_view reason);
  std::uint16_t sent_code() const { return sent_code_; }

 private:
  using Error = boost::system::error_code;

  void read(std::shared_ptr<void> owner);
  void on_read(Error error, std::size_t bytes, std::shared_ptr<void> owner);
  bool take(std::string_view bytes);
  bool take_rest();

  void on(MessageRead& message);
  void on(const PingRead& ping);
  void on(const PongRead&);
  void on(const CloseRead& close);
  void on(const FrameBreach& breach);
  void on(const MoreNeeded&) {}

  void send_close(std::uint16_t code, std::string_view reason);
  void end(Incoming last);
  void lost() { end(SocketEnded{static_cast<std::uint16_t>(CloseCode::kLost)}); }

  // What a socket keeps ready while it waits: most frames of a client are no longer, and what goes
  // on behind is read without waiting.
  static constexpr std::size_t first_read_bytes = 128;

  Wire& wire_;
  SocketObserver* observer_ = nullptr;
  FrameReader reader_;
  std::unique_ptr<std::string> asked_reason_;  // close() was asked for before the 101
  std::uint16_t asked_code_ = 0;               // 0: it was not
  std::uint16_t sent_code_ = 0;
  bool open_ = false;
  bool finished_ = false;  // a close frame was sent or received: no frame may follow
  bool stopped_ = false;
  std::array<char, first_read_bytes> first_;
  std::unique_ptr<std::string> next_;  // in place of first_, while TLS has more than fits there
};

}  // namespace interlock
