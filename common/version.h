// Which build this is.
#pragma once

#include <string_view>

namespace interlock {

// The version of the CMake project, such as "0.1.0".
std::string_view version();

}  // namespace interlock
