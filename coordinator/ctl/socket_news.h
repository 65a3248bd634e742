// What a client's socket has to say.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace interlock {

struct SocketOpened {};
// No connection, no TLS, or nobody who speaks HTTP.
struct SocketUnreached {
  std::string why;
};
// Somebody answered, and it was no upgrade.
struct SocketRefused {
  unsigned status = 0;
  std::string message;         // the gateway's own sentence; empty: it said none
  std::uint64_t after_ms = 0;  // when to come back; 0: not said
};
using SocketOpening = std::variant<SocketOpened, SocketUnreached, SocketRefused>;

struct SocketFrame {
  std::string text;
};
struct SocketEnd {
  std::uint16_t code = 1006;  // 1006: without a close frame
  std::string reason;
};
struct SocketSilence {};
using SocketNews = std::variant<SocketFrame, SocketEnd, SocketSilence>;

}  // namespace interlock
