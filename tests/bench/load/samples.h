// Times taken, as a line of JSON.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace interlock::bench {

// Of microseconds; there must be one.
inline std::string summary(std::vector<std::int64_t> took_us) {
  std::sort(took_us.begin(), took_us.end());
  const auto at = [&](double part) {
    const auto index = static_cast<std::size_t>(part * static_cast<double>(took_us.size()));
    return took_us[std::min(index, took_us.size() - 1)];
  };
  return fmt::format("{{\"count\":{},\"p50_us\":{},\"p99_us\":{},\"max_us\":{}}}", took_us.size(),
                     at(0.5), at(0.99), took_us.back());
}

}  // namespace interlock::bench
