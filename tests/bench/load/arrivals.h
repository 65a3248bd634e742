// Clients that come one after the other and stay: what their end costs is not of the handshake.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/bench/load/client_sockets.h"

namespace interlock::bench {

// Sessions that no run before has used.
inline std::string session(std::size_t number) {
  static const std::string run = "s" + std::to_string(getpid()) + "-" + std::to_string(now_us());
  return "session=" + run + "-" + std::to_string(number);
}

class Arrivals {
 public:
  Arrivals() : sockets_([this](auto, std::string_view text, auto) {
    if (text.starts_with(R"({"type":"ready")")) ready_ = true;
  }) {}

  // From before connect() until `ready` has been read, in us. Ends the process when it is not.
  std::int64_t one(int port, std::size_t number) {
    constexpr std::int64_t kPatienceUs = 60'000'000;
    ready_ = false;
    const std::int64_t began = now_us();
    sockets_.open(port, session(number));
    while (!ready_) {
      sockets_.poll(1000);
      if (sockets_.ended() == 0 && now_us() - began < kPatienceUs) continue;
      std::fprintf(stderr, "a client is not served\n");
      std::exit(1);
    }
    return now_us() - began;
  }

 private:
  ClientSockets sockets_;
  bool ready_ = false;
};

}  // namespace interlock::bench
