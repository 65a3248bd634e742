// How often a key may be taken over: a token bucket per key, in one coordinator's memory.
//
// Two clients that fight over a key would otherwise write as fast as they can. Approximate, since
// it is not safety: another coordinator counts for itself.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace interlock {

class TakeoverDamper {
 public:
  // 0: no limit.
  explicit TakeoverDamper(std::uint64_t per_minute_max)
      : max_(static_cast<double>(per_minute_max)) {}

  // When the next takeover of this key may come; 0: now.
  std::uint64_t wait_ms(const std::string& key, std::uint64_t now_ms) const {
    const auto found = spent_.find(key);
    if (max_ == 0 || found == spent_.end()) return 0;
    const double over = left(found->second, now_ms) + 1 - max_;
    return over <= 0 ? 0 : static_cast<std::uint64_t>(std::ceil(over * 60'000 / max_ - 1e-6));
  }

  void took_over(const std::string& key, std::uint64_t now_ms) {
    if (max_ == 0) return;
    if (spent_.size() >= kKeysMax) forget(now_ms);
    if (spent_.size() >= kKeysMax) return;
    Spent& spent = spent_[key];
    spent = {left(spent, now_ms) + 1, now_ms};
  }

  // What has been made good again needs no memory.
  void forget(std::uint64_t now_ms) {
    absl::erase_if(spent_, [&](const auto& one) { return left(one.second, now_ms) == 0; });
  }

  std::size_t keys() const { return spent_.size(); }

  // Those that are taken over nearly as often as they may be, whether the next takeover has to wait
  // at this moment or not; at most `keys_max` of them by name, in order.
  struct Flapping {
    std::size_t count = 0;
    std::vector<std::string> keys;
  };
  Flapping flapping(std::uint64_t now_ms, std::size_t keys_max) const {
    Flapping found;
    for (const auto& [key, spent] : spent_) {
      if (max_ == 0 || left(spent, now_ms) < kFlaps * max_) continue;
      ++found.count;
      found.keys.push_back(key);
    }
    std::sort(found.keys.begin(), found.keys.end());
    if (found.keys.size() > keys_max) found.keys.resize(keys_max);
    return found;
  }

 private:
  struct Spent {
    double takeovers = 0;  // not made good again as of `at_ms`
    std::uint64_t at_ms = 0;
  };
  static constexpr std::size_t kKeysMax = 100'000;
  static constexpr double kFlaps = 0.75;

  double left(const Spent& spent, std::uint64_t now_ms) const {
    const double made_good = max_ * static_cast<double>(now_ms - spent.at_ms) / 60'000;
    return std::max(0.0, spent.takeovers - made_good);
  }

  const double max_;
  absl::flat_hash_map<std::string, Spent> spent_;
};

}  // namespace interlock
