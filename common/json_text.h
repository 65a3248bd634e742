// A text as JSON writes it.
#pragma once

#include <string>
#include <string_view>

namespace interlock {

// Printable ASCII with nothing to escape, which nearly all text is: stands in JSON as it is.
bool plain_in_json(std::string_view text);

// Appends `text` in quotation marks; what is not UTF-8 becomes U+FFFD.
void append_json_text(std::string& out, std::string_view text);

}  // namespace interlock
