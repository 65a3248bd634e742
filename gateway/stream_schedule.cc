#include "gateway/stream_schedule.h"

#include <algorithm>

namespace interlock {

StreamSchedule::StreamSchedule(const AttachmentLimits& limits)
    : limits_(limits),
      backoff_(static_cast<std::int64_t>(limits.reconnect_initial_ms),
               static_cast<std::int64_t>(limits.reconnect_max_ms)),
      heartbeat_ms_(limits.heartbeat_ms) {}

void StreamSchedule::opened(std::uint64_t now_ms) {
  watched_ = true;
  greeted_ = false;
  opened_at_ms_ = now_ms;
  heartbeat_due_ = true;  // the first one goes out behind the list
  if (!away_since_ms_) away_since_ms_ = now_ms;
}

void StreamSchedule::greeted(std::uint64_t now_ms, std::uint64_t heartbeat_ms) {
  greeted_ = true;
  greeted_at_ms_ = now_ms;
  heard_at_ms_ = now_ms;
  heartbeat_ms_ = heartbeat_ms > 0 ? heartbeat_ms : limits_.heartbeat_ms;
  heartbeat_at_ms_ = std::min(heartbeat_at_ms_, now_ms + heartbeat_ms_);
  away_since_ms_.reset();
  reachable_ = true;
}

void StreamSchedule::closed(std::uint64_t now_ms, bool drained, double random) {
  // One that ends soon after its hello was no success: a coordinator that drains and is attached to
  // again and again must not be attached to faster and faster.
  const bool stood = greeted_ && now_ms - greeted_at_ms_ >= limits_.reconnect_max_ms;
  if (stood) backoff_.reset();
  watched_ = false;
  greeted_ = false;
  const std::int64_t wait_ms = stood && drained ? 0 : backoff_.next(random);
  open_at_ms_ = now_ms + static_cast<std::uint64_t>(wait_ms);
  if (!away_since_ms_) away_since_ms_ = now_ms;
}

void StreamSchedule::heartbeat_sent(std::uint64_t now_ms) {
  heartbeat_due_ = false;
  heartbeat_at_ms_ = now_ms + heartbeat_ms_;
}

std::optional<std::string> StreamSchedule::overdue(std::uint64_t now_ms, bool store_away) {
  if (away_since_ms_ && now_ms >= *away_since_ms_ + limits_.unreachable_after_ms) {
    reachable_ = false;
  }
  if (!watched_) return std::nullopt;
  if (now_ms >= heartbeat_at_ms_) heartbeat_due_ = true;
  if (!greeted_) {
    if (now_ms < opened_at_ms_ + limits_.hello_timeout_ms) return std::nullopt;
    return "no hello in time";
  }
  if (store_away || now_ms < silent_at_ms()) return std::nullopt;
  return "silent";
}

std::optional<std::uint64_t> StreamSchedule::wake_at_ms(bool store_away) const {
  std::optional<std::uint64_t> wake;
  const auto include = [&wake](std::uint64_t at_ms) {
    wake = wake ? std::min(*wake, at_ms) : at_ms;
  };
  if (away_since_ms_ && reachable_) include(*away_since_ms_ + limits_.unreachable_after_ms);
  if (watched_ && !greeted_) include(opened_at_ms_ + limits_.hello_timeout_ms);
  if (watched_ && greeted_ && !store_away) include(silent_at_ms());
  if (watched_ && !heartbeat_due_) include(heartbeat_at_ms_);
  return wake;
}

}  // namespace interlock
