// How many bytes of events the coordinator may send before the sessions have taken over the last.
//
// What it may still send and what the sessions have not given back are together never more than the
// whole; a new stream begins with what is left.
#pragma once

#include <algorithm>
#include <cstdint>

namespace interlock {

class EventCredit {
 public:
  explicit EventCredit(std::uint64_t whole_bytes) : whole_(whole_bytes) {}

  // What the hello of a new stream grants.
  std::uint64_t start_stream() {
    granted_ = 0;
    return grant();
  }

  // What the next message adds.
  std::uint64_t grant() {
    const std::uint64_t bytes = returned();
    granted_ += bytes;
    return bytes;
  }

  void delivered(std::uint64_t bytes) {
    granted_ -= std::min(granted_, bytes);
    outstanding_ += bytes;
  }
  void give_back(std::uint64_t bytes) { outstanding_ -= std::min(outstanding_, bytes); }

  // Usually credit rides along with something else; now it is worth a message of its own.
  bool pressing() const {
    return returned() >= whole_ / 4 + 1 || (returned() > 0 && granted_ < whole_ / 4);
  }

  std::uint64_t outstanding() const { return outstanding_; }

 private:
  std::uint64_t returned() const {
    const std::uint64_t used = granted_ + outstanding_;
    return used < whole_ ? whole_ - used : 0;
  }

  std::uint64_t whole_;
  std::uint64_t granted_ = 0;  // on this stream, and not yet used by the coordinator
  std::uint64_t outstanding_ = 0;  // delivered on any stream, and not yet given back
};

}  // namespace interlock
