#include "gateway/stream_schedule.h"

#include <algorithm>

namespace interlock {

StreamSchedule::StreamSchedule(const AttachmentLimits& limits)
    : limits_(limits),
      backoff_(static_cast<std::int64_t>(limits.reconnect_initial_ms),
               static_cast<std::int64_t>(limits.reconnect_max_ms)),
      heartbeat_ms_(limits.heartbeat_ms),
      stay_ms_(limits.store_away_stay_ms) {}

void StreamSchedule::opened(std::uint64_t now_ms) {
  watched_ = true;
  greeted_ = false;
  store_away_since_ms_.reset();
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
  looking_elsewhere_ = false;
  reachable_ = true;
}

void StreamSchedule::store_away(bool away, std::uint64_t now_ms) {
  if (!away) {
    store_away_since_ms_.reset();
  } else if (!store_away_since_ms_) {
    store_away_since_ms_ = now_ms;
  }
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
  // Gateways that lost their store together do not go on together.
  stay_ms_ = static_cast<std::uint64_t>(static_cast<double>(limits_.store_away_stay_ms) *
                                        (0.75 + random / 2));
}

void StreamSchedule::heartbeat_sent(std::uint64_t now_ms) {
  heartbeat_due_ = false;
  heartbeat_at_ms_ = now_ms + heartbeat_ms_;
}

std::uint64_t StreamSchedule::leave_at_ms() const {
  if (store_away_since_ms_) return *store_away_since_ms_ + stay_ms_;
  return heard_at_ms_ + heartbeat_ms_ + limits_.silence_ms;
}

// One that was left because its store is away was there: the next one gets the time of a hello.
std::uint64_t StreamSchedule::unreachable_at_ms() const {
  return *away_since_ms_ + limits_.unreachable_after_ms +
         (looking_elsewhere_ ? limits_.hello_timeout_ms : 0);
}

std::optional<std::string> StreamSchedule::overdue(std::uint64_t now_ms) {
  if (away_since_ms_ && now_ms >= unreachable_at_ms()) reachable_ = false;
  if (!watched_) return std::nullopt;
  if (now_ms >= heartbeat_at_ms_) heartbeat_due_ = true;
  if (!greeted_) {
    if (now_ms < opened_at_ms_ + limits_.hello_timeout_ms) return std::nullopt;
    return "no hello in time";
  }
  if (now_ms < leave_at_ms()) return std::nullopt;
  looking_elsewhere_ = store_away_since_ms_.has_value();
  return looking_elsewhere_ ? "store away" : "silent";
}

std::optional<std::uint64_t> StreamSchedule::wake_at_ms() const {
  std::optional<std::uint64_t> wake;
  const auto include = [&wake](std::uint64_t at_ms) {
    wake = wake ? std::min(*wake, at_ms) : at_ms;
  };
  if (away_since_ms_ && reachable_) include(unreachable_at_ms());
  if (watched_ && !greeted_) include(opened_at_ms_ + limits_.hello_timeout_ms);
  if (watched_ && greeted_) include(leave_at_ms());
  if (watched_ && !heartbeat_due_) include(heartbeat_at_ms_);
  return wake;
}

}  // namespace interlock
