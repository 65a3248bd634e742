// The clock by which a gateway counts its own time.
#pragma once

#include <time.h>

#include <cstdint>

namespace interlock {

// CLOCK_BOOTTIME in milliseconds: steady, and it goes on while the machine sleeps, so that a gap in
// it shows.
inline std::uint64_t boot_time_ms() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

}  // namespace interlock
