// Is this one JSON value, in UTF-8, of a sane depth?
#pragma once

#include <string_view>

namespace interlock {

constexpr unsigned kJsonDepthMax = 64;

bool is_json_value(std::string_view text);

}  // namespace interlock
