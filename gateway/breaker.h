// Whether it is worth asking, judged by how the last askings went.
//
// A pure value: time and randomness are arguments. Closed: everybody may ask. After several
// failures in a row it opens, and nobody may; then a few probes may (half-open), and what becomes
// of them closes it or opens it again, for longer.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace interlock {

struct BreakerLimits {
  std::uint32_t failures_max = 5;           // in a row; with this one it opens
  std::uint64_t open_initial_ms = 500;      // doubles each time; half of it is jitter
  std::uint64_t open_max_ms = 30'000;
  std::uint32_t probes_max = 1;             // under way at once while half-open
  std::uint32_t probes_to_close = 1;        // successes that it takes
  std::uint64_t probe_timeout_ms = 30'000;  // for one whose outcome is never told
};

class Breaker {
 public:
  enum class State : std::uint8_t { kClosed, kOpen, kHalfOpen };

  // Says which askings an outcome belongs to; one from before the last change of state is too old
  // to mean anything.
  struct Permit {
    std::uint64_t epoch = 0;
  };

  explicit Breaker(const BreakerLimits& limits) : limits_(limits) {}

  // Whether to ask now; nothing: no. Who was allowed tells the outcome, once.
  std::optional<Permit> allow(std::uint64_t now_ms);
  void succeeded(Permit permit);
  // `random` in [0, 1).
  void failed(Permit permit, std::uint64_t now_ms, double random);
  // It was not tried after all, or was given up without an outcome.
  void withdrawn(Permit permit);

  // kHalfOpen as soon as a probe could be made.
  State state(std::uint64_t now_ms) const;
  // How long until somebody may ask, as far as is known; 0: now.
  std::uint64_t wait_ms(std::uint64_t now_ms) const;
  std::uint64_t times_opened() const { return times_opened_; }

 private:
  void enter(State state);
  void open(std::uint64_t now_ms, double random);
  std::uint64_t probes_free_at_ms() const { return last_probe_ms_ + limits_.probe_timeout_ms; }

  BreakerLimits limits_;
  State state_ = State::kClosed;
  std::uint64_t epoch_ = 0;
  std::uint32_t failures_ = 0;       // in a row, while closed
  std::uint32_t openings_ = 0;       // since it was closed
  std::uint64_t open_until_ms_ = 0;
  std::uint32_t probes_ = 0;         // under way
  std::uint32_t successes_ = 0;      // of probes
  std::uint64_t last_probe_ms_ = 0;
  std::uint64_t times_opened_ = 0;
};

// For metrics and logs: closed, open, half_open.
std::string_view to_string(Breaker::State state);

}  // namespace interlock
