// Whether text that comes in pieces is UTF-8 (RFC 3629, section 4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/utf8.h"

namespace interlock {

// A value. A piece may end within a character; what is wrong is seen at the first byte that is.
class Utf8Check {
 public:
  // False: nothing that may follow makes it good.
  bool take(std::string_view piece) {
    for (const char byte : piece) {
      if (!take(static_cast<std::uint8_t>(byte))) return false;
    }
    return true;
  }
  // It does not end within a character.
  bool whole() const { return left_ == 0; }

 private:
  bool take(std::uint8_t byte) {
    if (left_ == 0) return begin(byte);
    if (byte < min_ || byte > max_) return false;
    expect(left_ - 1U, 0x80, 0xBF);
    return true;
  }
  bool begin(std::uint8_t byte) {
    if (byte < 0x80) return true;
    const Utf8Lead lead = read_utf8_lead(byte);
    if (lead.bytes == 0) return false;
    expect(lead.bytes - 1, lead.second_min, lead.second_max);
    return true;
  }
  void expect(std::size_t bytes, std::uint8_t min, std::uint8_t max) {
    left_ = static_cast<std::uint8_t>(bytes);
    min_ = min;
    max_ = max;
  }

  std::uint8_t left_ = 0;  // bytes of a character that has begun
  std::uint8_t min_ = 0;   // of the next one of these
  std::uint8_t max_ = 0;
};

}  // namespace interlock
