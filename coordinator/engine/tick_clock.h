// The store's own clock, as one coordinator sees and advances it.
//
// A coordinator that has seen the present tick for a while on its steady clock commits the next one
// over its revision; of several that do, one wins. While nothing is pending nobody ticks.
//
// What the feed brings may be of long ago: it may lag, or this process may have stood still. So a
// tick is only believed for a while after the store has proved it to be the present one, by a
// commit or a comparison, counted from when that was asked. After that this coordinator does not
// know what time it is: it stamps nothing and expires nobody until it has asked again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "coordinator/authority/machine.h"

namespace interlock {

class TickClock {
 public:
  explicit TickClock(std::uint64_t tick_ms) : tick_ms_(tick_ms) {}

  Tick tick() const { return tick_; }

  // The store shows this tick. True when it is new.
  bool seen(Tick tick, std::uint64_t now_ms) {
    if (tick <= tick_) return false;
    tick_ = tick;
    seen_at_ms_ = now_ms;
    return true;
  }

  // Whether any deadline is pending, or anything waits to be stamped: it is only then that the
  // clock runs. Whoever believes that nothing is pending may lag, so that proves nothing.
  void set_pending(bool pending, std::uint64_t now_ms) {
    if (pending && !pending_) seen_at_ms_ = now_ms;
    pending_ = pending;
  }
  // What was asked of the store at this moment showed the present tick.
  void proved(std::uint64_t asked_ms) { proven_at_ms_ = std::max(proven_at_ms_, asked_ms); }

  // Something is to be asked of the store: the next tick, or only whether this is the present one.
  bool due(std::uint64_t now_ms) const {
    return pending_ && !asked_at_ms_ && now_ms >= due_at_ms();
  }
  bool only_looks(std::uint64_t now_ms) const { return now_ms < seen_at_ms_ + tick_ms_; }
  void asked(std::uint64_t now_ms) { asked_at_ms_ = now_ms; }
  // It has ended, applied or refused, and what stands there has been seen; or it has failed, in
  // whatever way, and is not repeated at once.
  void answered(std::uint64_t now_ms, bool failed) {
    if (!failed && asked_at_ms_) proved(*asked_at_ms_);
    asked_at_ms_.reset();
    rests_until_ms_ = failed ? now_ms + tick_ms_ / 4 : 0;
  }

  // Nothing may be stamped with this tick any more.
  bool old(std::uint64_t now_ms) const {
    return pending_ && now_ms >= proven_at_ms_ + kOldTicks * tick_ms_;
  }
  // It is old and the store has had its time to say what the present one is.
  bool lost(std::uint64_t now_ms) const {
    return old(now_ms) && asked_at_ms_ && now_ms >= *asked_at_ms_ + tick_ms_;
  }

  // The next moment after `now_ms` at which due() or lost() says something new.
  std::optional<std::uint64_t> wake_at_ms(std::uint64_t now_ms) const {
    if (!pending_) return std::nullopt;
    const std::uint64_t at =
        asked_at_ms_ ? std::max(proven_at_ms_ + kOldTicks * tick_ms_, *asked_at_ms_ + tick_ms_)
                     : due_at_ms();
    return at > now_ms ? std::optional(at) : std::nullopt;
  }

 private:
  static constexpr std::uint64_t kOldTicks = 3;
  static constexpr std::uint64_t kLookTicks = 2;
  std::uint64_t due_at_ms() const {
    const std::uint64_t look_at_ms = proven_at_ms_ + kLookTicks * tick_ms_;
    return std::max(std::min(seen_at_ms_ + tick_ms_, look_at_ms), rests_until_ms_);
  }

  const std::uint64_t tick_ms_;
  Tick tick_ = 0;
  bool pending_ = false;
  std::uint64_t seen_at_ms_ = 0;    // the present tick, for the first time
  std::uint64_t proven_at_ms_ = 0;  // when the store was asked that last said that it is
  std::optional<std::uint64_t> asked_at_ms_;  // and not answered yet
  std::uint64_t rests_until_ms_ = 0;
};

}  // namespace interlock
