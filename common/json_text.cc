#include "common/json_text.h"

#include <boost/json/serialize.hpp>

#include "common/utf8.h"

namespace interlock {

// Looks at all of it, whatever it finds, so that the compiler may look at many at once.
bool plain_in_json(std::string_view text) {
  unsigned other = 0;
  for (const char c : text) {
    other |= static_cast<unsigned>(c < ' ') | static_cast<unsigned>(c > '~') |
             static_cast<unsigned>(c == '"') | static_cast<unsigned>(c == '\\');
  }
  return other == 0;
}

void append_json_text(std::string& out, std::string_view text) {
  if (plain_in_json(text)) {
    out.append("\"").append(text).append("\"");
  } else if (valid_utf8(text)) {
    out.append(boost::json::serialize(boost::json::string_view(text.data(), text.size())));
  } else {
    append_json_text(out, replace_invalid_utf8(text));
  }
}

}  // namespace interlock
