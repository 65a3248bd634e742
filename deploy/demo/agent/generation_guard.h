// Whether a call comes from the connection's present socket or from one that was replaced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "deploy/demo/agent/recent_map.h"

namespace interlock {

// The highest generation seen in any call, for each of the keys that called last. Of a key that was
// forgotten the next generation is believed, whatever it is: a bounded memory cannot do better, and
// the coordinator fences everything durable anyway.
class GenerationGuard {
 public:
  explicit GenerationGuard(std::size_t keys_max) : highest_(keys_max) {}

  // False when the key has been seen with a higher generation: Open and Receive are refused then,
  // Closed is ignored. Otherwise `generation` is the one to beat.
  bool admit(const std::string& key, std::uint64_t generation) {
    auto [highest, is_new] = highest_.touch(key);
    if (generation < highest) return false;
    highest = generation;
    return true;
  }

 private:
  RecentMap<std::uint64_t> highest_;
};

}  // namespace interlock
