// Is this one JSON value, in UTF-8, of a sane depth?
#pragma once

#include <boost/json/error.hpp>
#include <string_view>

namespace interlock {

// No error: one value and nothing but white space around it. `too_deep` when it is nested deeper
// than `depth_max`. Keeps nothing of the text.
boost::json::error_code check_json(std::string_view text, std::size_t depth_max);

}  // namespace interlock
