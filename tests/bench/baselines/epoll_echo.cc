// The least that an echo can take: one thread, epoll, one recv and one send a message. It knows
// nothing of WebSocket but how long the frames of this benchmark are.
//
//   bench_epoll_echo PORT REQUEST_BYTES
//
// The first bytes of a connection are taken for the whole request of an upgrade, whatever they say;
// from then on each REQUEST_BYTES are a frame that is answered. Ends with its input.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::string_view_literals;

constexpr int kEventsAtOnce = 256;
constexpr std::size_t kReadBytes = 4096;
constexpr std::string_view kUpgrade =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "Sec-WebSocket-Protocol: interlock.v1\r\n\r\n"
    "\x81\x10{\"type\":\"ready\"}";
constexpr std::string_view kPong = "\x81\x0f{\"type\":\"pong\"}"sv;

void must(bool fine, const char* what) {
  if (fine) return;
  std::perror(what);
  std::exit(1);
}

int listening(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  must(bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
           listen(socket, 4096) == 0,
       "listen");
  return socket;
}

struct Connection {
  bool upgraded = false;
  std::size_t left = 0;  // bytes of a frame that has not come whole
};

class Echo {
 public:
  Echo(int port, std::size_t request_bytes)
      : request_bytes_(request_bytes), epoll_(epoll_create1(0)), listener_(listening(port)) {
    watch(listener_);
    watch(STDIN_FILENO);
  }

  void run() {
    std::array<epoll_event, kEventsAtOnce> events;
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), kEventsAtOnce, -1);
      for (int i = 0; i < count; ++i) {
        const int socket = events[static_cast<std::size_t>(i)].data.fd;
        if (socket == STDIN_FILENO) return;
        if (socket == listener_) {
          take();
        } else {
          answer(socket);
        }
      }
    }
  }

 private:
  void watch(int socket) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = socket}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
  }

  void take() {
    const int socket = accept(listener_, nullptr, nullptr);
    if (socket < 0) return;
    const int yes = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connections_.size() <= static_cast<std::size_t>(socket)) {
      connections_.resize(static_cast<std::size_t>(socket) + 1);
    }
    connections_[static_cast<std::size_t>(socket)] = {};
    watch(socket);
  }

  void answer(int socket) {
    std::array<char, kReadBytes> bytes;
    const ssize_t count = recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count < 0) return;
    if (count == 0) {
      close(socket);
      return;
    }
    Connection& connection = connections_[static_cast<std::size_t>(socket)];
    if (!connection.upgraded) {
      connection.upgraded = true;
      send(socket, kUpgrade.data(), kUpgrade.size(), MSG_NOSIGNAL);
      return;
    }
    connection.left += static_cast<std::size_t>(count);
    std::string out;  // one frame is within the string itself
    for (; connection.left >= request_bytes_; connection.left -= request_bytes_) out += kPong;
    if (!out.empty()) send(socket, out.data(), out.size(), MSG_NOSIGNAL);
  }

  const std::size_t request_bytes_;
  const int epoll_;
  const int listener_;
  std::vector<Connection> connections_;
};

}  // namespace

int main(int argc, char** argv) {
  must(argc == 3, "bench_epoll_echo: a port, and the bytes of a request");
  Echo echo(std::atoi(argv[1]), std::strtoull(argv[2], nullptr, 10));
  std::cout << "{\"listening\":true}" << std::endl;
  echo.run();
  return 0;
}
