// Transient events that came ahead of the event that they follow.
//
// They stay in the order in which they came: one that may go waits behind one that may not yet.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "interlock/v1/backend.pb.h"

namespace interlock {

class TransientQueue {
 public:
  void add(v1::Transient event) {
    bytes_ += event.data().size();
    waiting_.push_back(std::move(event));
  }

  // The next one that may go behind this sequence.
  std::optional<v1::Transient> take(std::uint64_t last_sent) {
    if (waiting_.empty() || waiting_.front().after() > last_sent) return std::nullopt;
    return drop_oldest();
  }

  // The oldest go, until what is left fits.
  void limit(std::uint64_t events_max, std::uint64_t bytes_max) {
    while (waiting_.size() > events_max || bytes_ > bytes_max) drop_oldest();
  }

 private:
  v1::Transient drop_oldest() {
    v1::Transient oldest = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    bytes_ -= oldest.data().size();
    return oldest;
  }

  std::vector<v1::Transient> waiting_;  // oldest first
  std::uint64_t bytes_ = 0;             // of their data
};

}  // namespace interlock
