// The least that an event can take over two processes: bytes from a sender through two relays to a
// receiver, all over TCP on loopback, each with a blocking read and one write.
//
//   bench_relay COUNT BYTES [FILE]
//
// With FILE the first relay appends the bytes to it and calls fdatasync before it sends them on.
// Prints one JSON object: the times from before the first write to behind the last read.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/load/client_sockets.h"
#include "tests/bench/load/samples.h"

namespace {

using interlock::bench::now_us;

void must(bool fine, const char* what) {
  if (fine) return;
  std::perror(what);
  std::exit(1);
}

// Both ends of one connection.
std::pair<int, int> connection() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  must(bind(listener, name, size) == 0 && listen(listener, 1) == 0, "listen");
  must(getsockname(listener, name, &size) == 0, "getsockname");
  const int from = socket(AF_INET, SOCK_STREAM, 0);
  must(connect(from, name, size) == 0, "connect");
  const int to = accept(listener, nullptr, nullptr);
  const int yes = 1;
  for (const int end : {from, to}) setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  close(listener);
  return {from, to};
}

bool read_all(int socket, std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t count = read(socket, bytes.data() + at, bytes.size() - at);
    if (count <= 0) return false;
    at += static_cast<std::size_t>(count);
  }
  return true;
}

// Until its input ends.
[[noreturn]] void relay(int in, int out, std::string bytes, const char* file) {
  const int log = file == nullptr ? -1 : open(file, O_CREAT | O_WRONLY | O_APPEND, 0600);
  must(file == nullptr || log >= 0, file);
  while (read_all(in, bytes)) {
    if (log >= 0) must(write(log, bytes.data(), bytes.size()) > 0 && fdatasync(log) == 0, file);
    must(write(out, bytes.data(), bytes.size()) > 0, "write");
  }
  _exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 2 ? std::strtoull(argv[1], nullptr, 10) : 0;
  std::string bytes(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0, 'x');
  if (count == 0 || bytes.empty()) {
    std::fprintf(stderr, "bench_relay: a count, a number of bytes, and perhaps a file\n");
    return 2;
  }
  const char* file = argc > 3 ? argv[3] : nullptr;
  const auto first = connection();
  const auto second = connection();
  const auto third = connection();
  for (const bool one : {true, false}) {
    if (fork() != 0) continue;
    close(first.first);
    if (one) {
      close(second.second);
      relay(first.second, second.first, bytes, file);
    }
    close(second.first);
    relay(second.second, third.first, bytes, nullptr);
  }
  close(second.first);
  close(second.second);
  close(third.first);
  std::vector<std::int64_t> took_us;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t began = now_us();
    must(write(first.first, bytes.data(), bytes.size()) > 0, "write");
    must(read_all(third.second, bytes), "read");
    took_us.push_back(now_us() - began);
  }
  close(first.first);
  while (wait(nullptr) > 0) {
  }
  if (file != nullptr) unlink(file);
  std::cout << interlock::bench::summary(std::move(took_us)) << std::endl;
  return 0;
}
