// Text that everybody can read, out of bytes that somebody sent.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace interlock {

bool valid_utf8(std::string_view text);

// What a lead byte promises: the length of its sequence, and the range of the second byte, which
// excludes overlong forms, surrogates and what lies beyond U+10FFFF (RFC 3629, section 4).
struct Utf8Lead {
  std::size_t bytes;  // 0: nothing begins with it
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xBF;
};
Utf8Lead read_utf8_lead(unsigned char byte);

// Each ill-formed stretch becomes one U+FFFD, cut as the Unicode Standard recommends (section 3.9,
// "maximal subparts"); well-formed text comes back as it is.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace interlock
