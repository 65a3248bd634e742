// Virtual time: what happens when. Nothing happens in between.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace interlock::sim {

using Us = std::uint64_t;  // microseconds of the world's own time

// Work for the same moment runs in the order in which it was given.
class Timeline {
 public:
  using Work = std::function<void()>;

  Us now() const { return now_; }
  void after(Us delay, Work work) { at(now_ + delay, std::move(work)); }
  void at(Us when, Work work);
  // False: nothing is due up to then; then it is `until`.
  bool run_one(Us until);
  std::uint64_t events() const { return events_; }

 private:
  struct Due {
    Us at = 0;
    std::uint64_t order = 0;
    std::uint32_t slot = 0;
    bool operator<(const Due& other) const {  // the heap's top is the earliest
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  Us now_ = 1'000'000;
  std::uint64_t order_ = 0;
  std::uint64_t events_ = 0;
  std::vector<Due> due_;
  std::vector<Work> work_;
  std::vector<std::uint32_t> free_;
};

// The clocks of one process: a steady one that runs too fast or too slow, and one on the wall that
// somebody sets.
class ProcessClock {
 public:
  void start(Us now, std::uint64_t boot_us, std::uint64_t rate_per_mille);
  void set_rate(Us now, std::uint64_t rate_per_mille);
  void step_wall(std::int64_t by_us) { wall_offset_us_ += by_us; }

  std::uint64_t boot_ms(Us now) const { return local(now) / 1'000; }
  std::int64_t wall_us(Us now) const {
    return static_cast<std::int64_t>(1'700'000'000'000'000 + local(now)) + wall_offset_us_;
  }
  // The world's moment at which this clock shows so much, at the earliest.
  Us moment_of(std::uint64_t boot_ms) const;
  std::uint64_t rate_per_mille() const { return rate_; }

 private:
  std::uint64_t local(Us now) const { return base_ + (now - since_) * rate_ / 1'000; }

  Us since_ = 0;
  std::uint64_t base_ = 0;
  std::uint64_t rate_ = 1'000;
  std::int64_t wall_offset_us_ = 0;
};

}  // namespace interlock::sim
