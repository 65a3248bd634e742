// What an agent run does next.
//
// A pure machine: told what happened, it says what to do; no clock, timer, call or random number.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "common/backoff.h"
#include "deploy/demo/agent/publish_outcome.h"

namespace interlock {

struct RunSettings {
  std::int64_t pause_ms = 400;          // between two events
  std::uint32_t tokens = 3;             // said while thinking
  std::int64_t retry_for_ms = 300'000;  // from an event's first failure on
  std::int64_t backoff_initial_ms = 50;
  std::int64_t backoff_max_ms = 2'000;
};

enum class RunEnd : std::uint8_t {
  completed,
  connection_ended,  // nobody waits for it any more
  refused,
  given_up,  // an event could not be published for retry_for_ms
};

constexpr std::string_view name_of(RunEnd end) {
  switch (end) {
    case RunEnd::completed:
      return "completed";
    case RunEnd::connection_ended:
      return "connection_ended";
    case RunEnd::refused:
      return "refused";
    case RunEnd::given_up:
      return "given_up";
  }
  return "refused";
}

// ---- inputs: each one answers the last action ----

struct RunStarted {};
struct RunWaited {};
struct RunPublished {
  PublishOutcome outcome;
};
using RunInput = std::variant<RunStarted, RunWaited, RunPublished>;

// ---- actions: any tokens first, then exactly one of the others ----

struct SayToken {
  std::uint32_t index;
  friend bool operator==(const SayToken&, const SayToken&) = default;
};
struct PublishEvent {
  std::uint32_t number;
  friend bool operator==(const PublishEvent&, const PublishEvent&) = default;
};
struct WaitFor {
  std::int64_t ms;
  friend bool operator==(const WaitFor&, const WaitFor&) = default;
};
struct EndRun {
  RunEnd end;
  friend bool operator==(const EndRun&, const EndRun&) = default;
};
using RunAction = std::variant<SayToken, PublishEvent, WaitFor, EndRun>;
using RunActions = std::vector<RunAction>;

class Run {
 public:
  explicit Run(const RunSettings& settings);

  // `now_ms` is of any steady clock, `random` uniform in [0, 1).
  RunActions step(const RunInput& input, std::int64_t now_ms, double random);

 private:
  RunActions waited();
  RunActions published(const PublishOutcome& outcome, std::int64_t now_ms, double random);
  RunActions accepted();
  RunActions go_on_behind(std::uint64_t last_number);
  RunActions try_again(std::int64_t now_ms, double random);
  RunActions publish_next() const;

  RunSettings settings_;
  std::uint32_t next_ = 1;         // the event to publish, or being published
  std::uint32_t tokens_left_ = 0;  // to say before it
  std::optional<std::int64_t> failing_since_ms_;
  Backoff backoff_;
};

}  // namespace interlock
