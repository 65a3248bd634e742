// The few deadlines of one connection, so that a single timer can serve them all.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

namespace interlock {

// A long time ends a little later than it would, together with those of other connections, so that
// one waking of the thread is for all of them. Short ones are exact.
inline std::chrono::steady_clock::time_point end_of(std::chrono::steady_clock::time_point from,
                                                    std::chrono::milliseconds time) {
  constexpr std::chrono::milliseconds kLong(1'000);
  constexpr std::chrono::milliseconds kTogether(64);
  const auto exact = from + time;
  if (time < kLong) return exact;
  const auto late = exact.time_since_epoch() % kTogether;
  return late.count() == 0 ? exact : exact + (kTogether - late);
}

// A value: no clock of its own. Slots are few, so looking through them is the sorted list.
template <std::size_t slots>
class Deadlines {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Deadlines() { at_.fill(never); }

  void set(std::size_t slot, Time at) { at_[slot] = at; }
  void cancel(std::size_t slot) { at_[slot] = never; }
  bool is_set(std::size_t slot) const { return at_[slot] != never; }

  std::optional<Time> earliest() const {
    const Time first = *std::ranges::min_element(at_);
    return first == never ? std::nullopt : std::optional(first);
  }

  // The slot that has been due for longest, which is cancelled by this.
  std::optional<std::size_t> take_due(Time now) {
    const auto first = std::ranges::min_element(at_);
    if (*first == never || *first > now) return std::nullopt;
    *first = never;
    return static_cast<std::size_t>(first - at_.begin());
  }

 private:
  static constexpr Time never = Time::max();
  std::array<Time, slots> at_;
};

}  // namespace interlock
