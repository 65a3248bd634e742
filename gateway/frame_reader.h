// What a client's bytes say, as RFC 6455 reads them.
//
// Pure: bytes in, one event at a time out. Where the bytes are cut makes no difference to what
// comes out. Of what has not come whole, only what is there is kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "gateway/frame_head.h"
#include "gateway/utf8_check.h"

namespace interlock {

struct MoreNeeded {};  // everything was taken
struct MessageRead {   // all fragments together
  bool binary = false;
  std::string payload;
};
struct PingRead {
  std::string payload;
};
struct PongRead {};
struct CloseRead {
  std::uint16_t code = 0;  // 0: it says none
};
// The peer breaks the rules, and this is the code that the RFC has for it: 1002, 1007 or 1009.
struct FrameBreach {
  std::uint16_t code = 0;
};
using FrameEvent =
    std::variant<MoreNeeded, MessageRead, PingRead, PongRead, CloseRead, FrameBreach>;

class FrameReader {
 public:
  explicit FrameReader(std::size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

  // Takes what it uses from the front of `bytes`. Nothing may be asked behind a CloseRead or a
  // FrameBreach.
  FrameEvent next(std::string_view& bytes);

 private:
  static constexpr std::size_t start_bytes = 2;
  static constexpr std::size_t mask_bytes = 4;

  std::uint16_t read_head(std::string_view& bytes);
  std::uint16_t read_payload(std::string_view& bytes);
  bool fill_head(std::string_view& bytes, std::size_t size);
  bool start_allowed() const;
  std::uint16_t check_length() const;
  void begin_payload();
  FrameEvent take_control();
  FrameEvent take_message();

  std::uint8_t head_byte(std::size_t at) const { return static_cast<std::uint8_t>(head_[at]); }
  FrameKind kind() const { return static_cast<FrameKind>(head_byte(0) & 0x0F); }
  bool control() const { return (head_byte(0) & 0x08) != 0; }
  bool final() const { return (head_byte(0) & 0x80) != 0; }
  std::size_t length_bytes() const;  // behind the start
  std::uint64_t length() const;

  std::size_t message_bytes_max_;
  std::array<char, start_bytes + 8 + mask_bytes> head_{};
  std::uint8_t head_size_ = 0;
  bool in_payload_ = false;
  bool in_message_ = false;  // a first fragment has begun, and the last one has not ended
  bool binary_ = false;      // that message
  Utf8Check utf8_;           // of that message; each one ends whole
  std::array<char, mask_bytes> mask_{};  // its first byte is for the next byte of the payload
  std::uint64_t left_ = 0;               // of the payload
  std::string message_;
  std::string control_;  // may come between the fragments
};

}  // namespace interlock
