// A client on a bare socket: it can say what no proper WebSocket library would.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace interlock {

struct HttpResponse {
  int status = 0;     // 0: the connection ended first
  std::string head;   // with the status line, up to the empty line
  std::string body;   // until the connection was closed
};

struct WireFrame {
  int opcode = 0;
  bool final = true;
  std::string payload;

  std::uint16_t close_code() const;   // 1005 when there is none
  std::string close_reason() const;
};

// Connects at once and blocks, but never longer than patience: then it gives what it has.
class SocketClient {
 public:
  static constexpr std::chrono::seconds patience{15};

  explicit SocketClient(int port, int receive_buffer_bytes = 0);
  ~SocketClient();
  SocketClient(const SocketClient&) = delete;
  SocketClient& operator=(const SocketClient&) = delete;

  // False when the peer takes no more.
  bool send(std::string_view bytes);
  // What there is, at least one byte; empty at the end.
  std::string read_some(std::chrono::milliseconds wait = patience);
  static void wait(std::chrono::milliseconds time);
  void half_close();
  void reset();  // closes with a reset
  bool ended();  // reads, and throws away, until the peer closes; false: it did not

  HttpResponse get(std::string_view target, std::string_view fields = "");
  HttpResponse read_response();

  static std::string upgrade_request(std::string_view target, std::string_view fields = "",
                                     std::string_view subprotocols = "interlock.v1");
  // The status of the answer; its head is kept in `head`.
  int upgrade(std::string_view target, std::string_view fields = "",
              std::string_view subprotocols = "interlock.v1");
  int read_upgrade();
  std::string head;

  static std::string frame(int opcode, std::string_view payload, bool final = true,
                           bool masked = true);
  bool send_text(std::string_view text) { return send(frame(1, text)); }
  void send_close(std::uint16_t code);
  // Nothing at the end of the connection.
  std::optional<WireFrame> read_frame(std::chrono::milliseconds wait = patience);
  // The next text, past pings; empty when a close frame or the end comes instead.
  std::string read_text();
  // The close frame, past everything else.
  WireFrame read_close();

 private:
  std::string take(std::size_t bytes);  // shorter at the end

  int socket_ = -1;
  std::string buffer_;
};

}  // namespace interlock
