// Text that everybody can read, out of bytes that somebody sent.
#pragma once

#include <string>
#include <string_view>

namespace interlock {

bool valid_utf8(std::string_view text);

// Each ill-formed stretch becomes one U+FFFD, cut as the Unicode Standard recommends (section 3.9,
// "maximal subparts"); well-formed text comes back as it is.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace interlock
