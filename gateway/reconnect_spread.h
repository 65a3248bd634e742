// Over how long clients that are sent away together are asked to come back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace interlock {

// Pure. A few come back at once, since nobody gains by their waiting; many come back so many a
// second, which is what the gateways that take them in, and their coordinators, must bear; and
// nobody waits for longer than `ms_max`.
inline std::uint64_t reconnect_spread_ms(std::size_t clients, double per_second,
                                         std::uint64_t ms_max) {
  if (per_second <= 0) return ms_max;
  const double wanted_ms = 1000.0 * static_cast<double>(clients) / per_second;
  return static_cast<std::uint64_t>(std::min(wanted_ms, static_cast<double>(ms_max)));
}

}  // namespace interlock
