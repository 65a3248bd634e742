#include "tests/bench/load/client_sockets.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace interlock::bench {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr int kEventsAtOnce = 256;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

int connected(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    give_up(fmt::format("cannot connect to port {}", port));
  }
  const int yes = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return socket;
}

void write_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written <= 0) give_up("a gateway takes nothing");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Masked with zeros, which leaves the payload as it is.
std::string frame_of(int opcode, std::string_view payload) {
  std::string frame(1, static_cast<char>(0x80 | opcode));
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xFF);
  }
  frame.append(4, '\0');
  frame += payload;
  return frame;
}

}  // namespace

std::int64_t now_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

ClientSockets::~ClientSockets() {
  close_all();
  if (epoll_ >= 0) ::close(epoll_);
}

std::size_t ClientSockets::open_at(int port, const std::string& target) {
  if (epoll_ < 0) epoll_ = epoll_create1(EPOLL_CLOEXEC);
  Client client{.socket = connected(port), .buffer = {}};
  write_all(client.socket,
            fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
                        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        "Sec-WebSocket-Protocol: interlock.v1\r\n\r\n",
                        target));
  while (client.buffer.find("\r\n\r\n") == std::string::npos) {
    std::array<char, 4096> bytes;
    const ssize_t count = recv(client.socket, bytes.data(), bytes.size(), 0);
    if (count <= 0) give_up("a gateway closed during the upgrade");
    client.buffer.append(bytes.data(), static_cast<std::size_t>(count));
  }
  if (!client.buffer.starts_with("HTTP/1.1 101 ")) {
    give_up("the upgrade was refused: " + client.buffer.substr(0, client.buffer.find('\r')));
  }
  client.buffer.erase(0, client.buffer.find("\r\n\r\n") + 4);
  const std::size_t number = clients_.size();
  epoll_event event{.events = EPOLLIN, .data = {.u64 = number}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, client.socket, &event);
  clients_.push_back(std::move(client));
  take_frames(number, now_us());
  return number;
}

void ClientSockets::send_text(std::size_t client, std::string_view text) {
  write_all(clients_[client].socket, frame_of(0x1, text));
}

void ClientSockets::close_all() {
  for (Client& client : clients_) {
    if (client.socket >= 0) ::close(client.socket);
    client.socket = -1;
  }
  clients_.clear();
}

void ClientSockets::poll_us(std::int64_t wait_us) {
  std::array<epoll_event, kEventsAtOnce> events;
  const timespec wait{.tv_sec = wait_us / 1'000'000, .tv_nsec = wait_us % 1'000'000 * 1000};
  const int count = epoll_pwait2(epoll_, events.data(), kEventsAtOnce, &wait, nullptr);
  for (int i = 0; i < count; ++i) read(events[static_cast<std::size_t>(i)].data.u64);
}

void ClientSockets::read(std::size_t number) {
  static thread_local std::array<char, kReadBytes> bytes;
  Client& client = clients_[number];
  const ssize_t count = recv(client.socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count < 0) return;
  if (count == 0) {
    ++ended_;
    epoll_ctl(epoll_, EPOLL_CTL_DEL, client.socket, nullptr);
    return;
  }
  const std::int64_t at_us = now_us();
  client.buffer.append(bytes.data(), static_cast<std::size_t>(count));
  take_frames(number, at_us);
}

// A server's frames: no mask (RFC 6455, 5.1).
void ClientSockets::take_frames(std::size_t number, std::int64_t at_us) {
  std::size_t at = 0;
  while (true) {
    const std::string& buffer = clients_[number].buffer;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(buffer[at + i]); };
    std::size_t head = 2;
    if (buffer.size() < at + head) break;
    std::size_t length = byte(1) & 0x7F;
    const std::size_t wide = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (buffer.size() < at + head + wide) break;
    if (wide > 0) length = 0;
    for (std::size_t i = 0; i < wide; ++i) length = length << 8 | byte(head + i);
    head += wide;
    if (buffer.size() < at + head + length) break;
    const int opcode = byte(0) & 0x0F;
    if (opcode == 8) ++ended_;
    if (opcode == 9) write_all(clients_[number].socket, frame_of(0xA, {}));
    if (opcode == 1) on_frame_(number, std::string_view(buffer).substr(at + head, length), at_us);
    at += head + length;
  }
  clients_[number].buffer.erase(0, at);
}

}  // namespace interlock::bench
