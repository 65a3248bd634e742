// The least that sending can cost: one send() for each event, to many sockets in turn, to a process
// that reads and throws away.
//
//   bench_send_loop SOCKETS COUNT BYTES
//
// Prints one JSON object: the CPU time of the sender.
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace {

void must(bool fine, const char* what) {
  if (fine) return;
  std::perror(what);
  std::exit(1);
}

struct Ends {
  std::vector<int> sending, reading;
};

Ends connections(std::size_t count) {
  Ends ends;
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  must(bind(listener, name, size) == 0 && listen(listener, 128) == 0, "listen");
  must(getsockname(listener, name, &size) == 0, "getsockname");
  for (std::size_t i = 0; i < count; ++i) {
    ends.sending.push_back(socket(AF_INET, SOCK_STREAM, 0));
    must(connect(ends.sending.back(), name, size) == 0, "connect");
    ends.reading.push_back(accept(listener, nullptr, nullptr));
  }
  close(listener);
  return ends;
}

[[noreturn]] void drain(const std::vector<int>& sockets) {
  const int epoll = epoll_create1(0);
  for (const int socket : sockets) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = socket}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
  }
  std::array<epoll_event, 256> events;
  std::array<char, 65536> bytes;
  for (std::size_t open = sockets.size(); open > 0;) {
    const int count = epoll_wait(epoll, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const int socket = events[static_cast<std::size_t>(i)].data.fd;
      if (read(socket, bytes.data(), bytes.size()) > 0) continue;
      close(socket);
      --open;
    }
  }
  _exit(0);
}

double cpu_us() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(used.ru_utime) + us(used.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "bench_send_loop: sockets, a count and a number of bytes\n");
    return 2;
  }
  const Ends ends = connections(std::strtoull(argv[1], nullptr, 10));
  const std::size_t count = std::strtoull(argv[2], nullptr, 10);
  const std::string bytes(std::strtoull(argv[3], nullptr, 10), 'x');
  if (fork() == 0) {
    for (const int socket : ends.sending) close(socket);
    drain(ends.reading);
  }
  for (const int socket : ends.reading) close(socket);
  const double before = cpu_us();
  for (std::size_t i = 0; i < count; ++i) {
    const int socket = ends.sending[i % ends.sending.size()];
    must(send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0, "send");
  }
  const double used = cpu_us() - before;
  for (const int socket : ends.sending) close(socket);
  wait(nullptr);
  std::cout << "{\"count\":" << count << ",\"cpu_us\":" << used << "}" << std::endl;
  return 0;
}
