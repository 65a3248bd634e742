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

  // The oldest go, until what is left fits. How many went.
  std::uint64_t limit(std::uint64_t events_max, std::uint64_t bytes_max) {
    std::uint64_t dropped = 0;
    for (; waiting_.size() > events_max || bytes_ > bytes_max; ++dropped) drop_oldest();
    return dropped;
  }

  // The oldest has waited long enough: it goes, and so do those behind it that wait for the same
  // event. How many went.
  std::uint64_t give_up_oldest() {
    std::uint64_t dropped = 0;
    const std::uint64_t after = waiting_.empty() ? 0 : waiting_.front().after();
    for (; !waiting_.empty() && waiting_.front().after() == after; ++dropped) drop_oldest();
    return dropped;
  }

  bool empty() const { return waiting_.empty(); }

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
