#include "tests/support/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace interlock {
namespace {

constexpr int port_min = 20000;
constexpr int port_max = 32000;

// With SO_REUSEADDR, as servers do, so that connections that are still fading away do not count.
bool is_free(int port) {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool bound = bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const bool unused = bound && listen(probe, 1) == 0;
  close(probe);
  return unused;
}

}  // namespace

std::vector<int> free_ports(std::size_t count) {
  std::random_device random;
  std::uniform_int_distribution<int> anywhere(port_min, port_max);
  int port = anywhere(random);
  std::vector<int> found;
  for (int tried = 0; tried <= port_max - port_min && found.size() < count; ++tried) {
    if (is_free(port)) found.push_back(port);
    port = port == port_max ? port_min : port + 1;
  }
  if (found.size() < count) {
    std::fprintf(stderr, "There are no %zu free ports from %d to %d.\n", count, port_min, port_max);
    std::abort();
  }
  return found;
}

int free_port() { return free_ports(1).front(); }

}  // namespace interlock
