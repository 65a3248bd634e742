// The bytes that a build once wrote, as hexadecimal digits under golden/. A file that is there is
// never changed: it is what some store holds.
#pragma once

#include <string>
#include <string_view>

namespace interlock {

// The bytes of golden/<name>.hex; nothing, and a failed test, when there is no such file.
std::string golden(std::string_view name);
// As in such a file, in lines of 32 bytes.
std::string hexadecimal(std::string_view bytes);

}  // namespace interlock
