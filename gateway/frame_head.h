// How a WebSocket frame begins.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace interlock {

// The opcodes (RFC 6455, 5.2); the others are reserved.
enum class FrameKind : std::uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xA,
};

// A server's frames are never masked, and these are never fragmented (RFC 6455, 5.2).
class FrameHead {
 public:
  FrameHead(FrameKind kind, std::uint64_t payload_bytes) {
    push(0x80U | static_cast<unsigned>(kind));
    if (payload_bytes < 126) {
      push(payload_bytes);
      return;
    }
    const int length_bytes = payload_bytes <= 0xFFFF ? 2 : 8;
    push(length_bytes == 2 ? 126 : 127);
    for (int i = length_bytes - 1; i >= 0; --i) push(payload_bytes >> (8 * i));
  }

  std::string_view bytes() const { return {bytes_.data(), size_}; }

 private:
  void push(std::uint64_t byte) { bytes_[size_++] = static_cast<char>(byte & 0xFF); }

  std::array<char, 10> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace interlock
