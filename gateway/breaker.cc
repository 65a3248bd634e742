#include "gateway/breaker.h"

#include <algorithm>

namespace interlock {

std::optional<Breaker::Permit> Breaker::allow(std::uint64_t now_ms) {
  if (state_ == State::kOpen) {
    if (now_ms < open_until_ms_) return std::nullopt;
    enter(State::kHalfOpen);
  }
  if (state_ == State::kHalfOpen) {
    if (probes_ >= limits_.probes_max) {
      if (now_ms < probes_free_at_ms()) return std::nullopt;
      probes_ = 0;  // somebody forgot to tell; that must not keep everybody out for ever
    }
    ++probes_;
    last_probe_ms_ = now_ms;
  }
  return Permit{epoch_};
}

void Breaker::succeeded(Permit permit) {
  if (permit.epoch != epoch_) return;
  failures_ = 0;
  if (state_ != State::kHalfOpen) return;
  probes_ -= std::min(probes_, 1U);
  if (++successes_ < limits_.probes_to_close) return;
  openings_ = 0;
  enter(State::kClosed);
}

void Breaker::failed(Permit permit, std::uint64_t now_ms, double random) {
  if (permit.epoch != epoch_) return;
  if (state_ == State::kClosed && ++failures_ < limits_.failures_max) return;
  open(now_ms, random);
}

void Breaker::withdrawn(Permit permit) {
  if (permit.epoch == epoch_) probes_ -= std::min(probes_, 1U);
}

Breaker::State Breaker::state(std::uint64_t now_ms) const {
  return state_ == State::kOpen && now_ms >= open_until_ms_ ? State::kHalfOpen : state_;
}

std::uint64_t Breaker::wait_ms(std::uint64_t now_ms) const {
  std::uint64_t at_ms = 0;
  if (state_ == State::kOpen) at_ms = open_until_ms_;
  if (state_ == State::kHalfOpen && probes_ >= limits_.probes_max) at_ms = probes_free_at_ms();
  return at_ms > now_ms ? at_ms - now_ms : 0;
}

void Breaker::enter(State state) {
  state_ = state;
  ++epoch_;
  failures_ = 0;
  probes_ = 0;
  successes_ = 0;
}

void Breaker::open(std::uint64_t now_ms, double random) {
  enter(State::kOpen);
  ++times_opened_;
  std::uint64_t whole_ms = limits_.open_initial_ms;
  for (std::uint32_t i = 0; i < openings_ && whole_ms < limits_.open_max_ms; ++i) whole_ms *= 2;
  whole_ms = std::min(whole_ms, limits_.open_max_ms);
  ++openings_;
  const std::uint64_t half_ms = whole_ms / 2;
  const auto jitter_ms = static_cast<std::uint64_t>(random * static_cast<double>(half_ms));
  open_until_ms_ = now_ms + (whole_ms - half_ms) + std::min(jitter_ms, half_ms);
}

std::string_view to_string(Breaker::State state) {
  switch (state) {
    case Breaker::State::kClosed:
      return "closed";
    case Breaker::State::kOpen:
      return "open";
    case Breaker::State::kHalfOpen:
      return "half_open";
  }
  return "unknown";
}

}  // namespace interlock
