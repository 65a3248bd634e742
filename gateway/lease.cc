#include "gateway/lease.h"

#include <algorithm>

namespace interlock {

Lease::Lease(const AttachmentLimits& limits)
    : hold_after_max_ms_(limits.hold_after_ms), give_up_after_ms_(limits.give_up_after_ms) {}

void Lease::pass(std::uint64_t now_ms) {
  // While this process stood still it could not have heard anybody, so that time does not count.
  const bool stood_still = now_ms > seen_ms_ + gap_ms;
  seen_ms_ = std::max(seen_ms_, now_ms);
  if (may_act(now_ms)) {
    alone_since_ms_.reset();
  } else if (!alone_since_ms_ || stood_still) {
    alone_since_ms_ = now_ms;
  }
}

void Lease::heard(std::uint64_t now_ms) {
  if (alone_since_ms_) alone_since_ms_ = now_ms;
}

void Lease::heartbeat_sent(std::uint64_t number, std::uint64_t now_ms) {
  sent_.push_back({number, now_ms});
  if (sent_.size() > sent_max) sent_.pop_front();
}

void Lease::heartbeat_confirmed(std::uint64_t number) {
  const auto named = std::ranges::find(sent_, number, &Sent::number);
  if (named == sent_.end()) return;
  confirmed_ms_ = named->at_ms;  // they rise, as the numbers do
  sent_.erase(sent_.begin(), named + 1);
}

void Lease::begin_anew() {
  sent_.clear();
  confirmed_ms_.reset();
  alone_since_ms_.reset();
}

std::uint64_t Lease::hold_after_ms() const {
  if (ttl_ms_ == 0 || hold_after_max_ms_ < ttl_ms_) return hold_after_max_ms_;
  return ttl_ms_ - ttl_ms_ / 3;
}

std::uint64_t Lease::act_until_ms() const {
  return confirmed_ms_ ? *confirmed_ms_ + hold_after_ms() : 0;
}

bool Lease::given_up() const {
  return alone_since_ms_ && seen_ms_ >= *alone_since_ms_ + give_up_after_ms_;
}

std::uint64_t Lease::wake_at_ms() const {
  if (may_act(seen_ms_)) return act_until_ms();
  const std::uint64_t give_up_ms = alone_since_ms_.value_or(seen_ms_) + give_up_after_ms_;
  return std::min(seen_ms_ + look_every_ms, give_up_ms);
}

}  // namespace interlock
