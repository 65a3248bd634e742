#include "common/identity.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace interlock {
namespace {

using Bits128 = std::array<unsigned char, 16>;

// getrandom(2) fills up to 256 bytes as a whole; only a signal before the pool is ready stops it.
Bits128 random_128_bits() {
  Bits128 bits;
  while (getrandom(bits.data(), bits.size(), 0) != static_cast<ssize_t>(bits.size())) {
    if (errno == EINTR) continue;
    std::perror("getrandom");
    std::abort();
  }
  return bits;
}

}  // namespace

std::string make_identity() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : random_128_bits()) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace interlock
