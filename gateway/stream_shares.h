// Over which of several connections the next stream goes.
//
// A server, or an edge in front of it, lets so many streams through on one connection, commonly a
// hundred. gRPC keeps a further one waiting until another has ended, and tells nobody.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <vector>

namespace interlock {

struct StreamShareLimits {
  std::size_t streams_per_channel = 80;
  std::size_t channels_max = 64;
};

// A pure value. Channels are numbered from 0 and never given up: they are few.
class StreamShares {
 public:
  explicit StreamShares(const StreamShareLimits& limits) : limits_(limits) {}

  // The first channel with room, so that a quiet gateway has one connection; else a new one, which
  // the caller makes when it sees its number for the first time; else the one that carries least.
  std::size_t take() {
    const auto room = std::ranges::find_if(
        streams_, [this](std::size_t streams) { return streams < limits_.streams_per_channel; });
    auto chosen = room;
    if (room == streams_.end()) {
      if (streams_.size() < std::max<std::size_t>(limits_.channels_max, 1)) {
        streams_.push_back(0);
        chosen = streams_.end() - 1;
      } else {
        chosen = std::ranges::min_element(streams_);
      }
    }
    *chosen += 1;
    return static_cast<std::size_t>(chosen - streams_.begin());
  }

  void give_back(std::size_t channel) {
    assert(channel < streams_.size() && streams_[channel] > 0);
    streams_[channel] -= 1;
  }

  std::size_t channels() const { return streams_.size(); }

 private:
  StreamShareLimits limits_;
  std::vector<std::size_t> streams_;  // under way, of each channel
};

}  // namespace interlock
