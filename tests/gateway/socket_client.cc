#include "tests/gateway/socket_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace interlock {
namespace {

constexpr std::array<char, 4> mask{0x12, 0x34, 0x56, 0x78};

int milliseconds_until(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

}  // namespace

std::uint16_t WireFrame::close_code() const {
  if (payload.size() < 2) return 1005;
  return static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                    static_cast<unsigned char>(payload[1]));
}

std::string WireFrame::close_reason() const {
  return payload.size() < 2 ? std::string() : payload.substr(2);
}

SocketClient::SocketClient(int port, int receive_buffer_bytes)
    : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_buffer_bytes > 0) {
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(socket_);
    socket_ = -1;
  }
}

SocketClient::~SocketClient() {
  if (socket_ >= 0) close(socket_);
}

bool SocketClient::send(std::string_view bytes) {
  if (socket_ < 0) return false;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!bytes.empty()) {
    pollfd writable{socket_, POLLOUT, 0};
    if (poll(&writable, 1, milliseconds_until(deadline)) != 1) return false;
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string SocketClient::read_some(std::chrono::milliseconds wait) {
  if (!buffer_.empty()) return std::exchange(buffer_, {});
  if (socket_ < 0) return {};
  pollfd readable{socket_, POLLIN, 0};
  if (poll(&readable, 1, static_cast<int>(wait.count())) != 1) return {};
  std::string bytes(64 * 1024, '\0');
  const ssize_t got = recv(socket_, bytes.data(), bytes.size(), 0);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

void SocketClient::wait(std::chrono::milliseconds time) {
  poll(nullptr, 0, static_cast<int>(time.count()));
}

void SocketClient::half_close() { shutdown(socket_, SHUT_WR); }

void SocketClient::reset() {
  const linger now{1, 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(std::exchange(socket_, -1));
}

bool SocketClient::ended() {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  buffer_.clear();
  if (socket_ < 0) return true;
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd readable{socket_, POLLIN, 0};
    if (poll(&readable, 1, milliseconds_until(deadline)) != 1) return false;
    std::array<char, 4096> bytes{};
    if (recv(socket_, bytes.data(), bytes.size(), 0) <= 0) return true;
  }
  return false;
}

std::string SocketClient::take(std::size_t bytes) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string taken = std::exchange(buffer_, {});
  while (taken.size() < bytes) {
    const std::string more = read_some(std::chrono::milliseconds(milliseconds_until(deadline)));
    if (more.empty()) break;
    taken += more;
  }
  if (taken.size() > bytes) {
    buffer_ = taken.substr(bytes);
    taken.resize(bytes);
  }
  return taken;
}

// ---- HTTP ----

HttpResponse SocketClient::get(std::string_view target, std::string_view fields) {
  send("GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) +
       "\r\n");
  return read_response();
}

HttpResponse SocketClient::read_response() {
  HttpResponse response;
  response.status = read_upgrade();
  response.head = head;
  for (std::string more = read_some(); !more.empty(); more = read_some()) response.body += more;
  return response;
}

std::string SocketClient::upgrade_request(std::string_view target, std::string_view fields,
                                          std::string_view subprotocols) {
  std::string request = "GET " + std::string(target) +
                        " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (!subprotocols.empty()) {
    request += "Sec-WebSocket-Protocol: " + std::string(subprotocols) + "\r\n";
  }
  return request + std::string(fields) + "\r\n";
}

int SocketClient::upgrade(std::string_view target, std::string_view fields,
                          std::string_view subprotocols) {
  send(upgrade_request(target, fields, subprotocols));
  return read_upgrade();
}

int SocketClient::read_upgrade() {
  std::string bytes;
  auto end = std::string::npos;
  while ((end = bytes.find("\r\n\r\n")) == std::string::npos) {
    const std::string more = read_some();
    if (more.empty()) return 0;
    bytes += more;
  }
  head = bytes.substr(0, end + 2);
  buffer_ = bytes.substr(end + 4);
  return std::atoi(head.substr(head.find(' ') + 1, 3).c_str());
}

// ---- WebSocket ----

std::string SocketClient::frame(int opcode, std::string_view payload, bool final, bool masked) {
  std::string bytes;
  bytes += static_cast<char>((final ? 0x80 : 0) | opcode);
  const char mask_bit = masked ? '\x80' : '\0';
  if (payload.size() < 126) {
    bytes += static_cast<char>(mask_bit | static_cast<char>(payload.size()));
  } else {
    const int length_bytes = payload.size() <= 0xFFFF ? 2 : 8;
    bytes += static_cast<char>(mask_bit | (length_bytes == 2 ? 126 : 127));
    for (int i = length_bytes - 1; i >= 0; --i) {
      bytes += static_cast<char>(payload.size() >> (8 * i));
    }
  }
  if (masked) bytes.append(mask.data(), mask.size());
  for (std::size_t i = 0; i < payload.size(); ++i) {
    bytes += masked ? static_cast<char>(payload[i] ^ mask[i % 4]) : payload[i];
  }
  return bytes;
}

void SocketClient::send_close(std::uint16_t code) {
  const std::string payload{static_cast<char>(code >> 8), static_cast<char>(code)};
  send(frame(8, payload));
}

std::optional<WireFrame> SocketClient::read_frame(std::chrono::milliseconds wait) {
  if (buffer_.empty()) buffer_ = read_some(wait);
  const std::string start = take(2);
  if (start.size() < 2) return std::nullopt;
  WireFrame frame;
  frame.opcode = start[0] & 0x0F;
  frame.final = (start[0] & 0x80) != 0;
  std::uint64_t length = start[1] & 0x7F;
  if (length >= 126) {
    const std::string digits = take(length == 126 ? 2 : 8);
    length = 0;
    for (const char digit : digits) length = length << 8 | static_cast<unsigned char>(digit);
  }
  frame.payload = take(length);
  if (frame.payload.size() < length) return std::nullopt;
  return frame;
}

std::string SocketClient::read_text() {
  for (;;) {
    const auto frame = read_frame();
    if (!frame || frame->opcode == 8) return {};
    if (frame->opcode == 1) return frame->payload;
  }
}

WireFrame SocketClient::read_close() {
  for (;;) {
    const auto frame = read_frame();
    if (!frame) return {};
    if (frame->opcode == 8) return *frame;
  }
}

}  // namespace interlock
