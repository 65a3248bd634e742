// How much memory this process has.
#pragma once

#include <cstdint>

namespace interlock {

// Resident, in bytes; 0 when the system does not say.
std::uint64_t resident_bytes();

}  // namespace interlock
