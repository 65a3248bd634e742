#include "deploy/demo/agent/run.h"

#include "deploy/demo/agent/run_plan.h"

namespace interlock {

Run::Run(const RunSettings& settings)
    : settings_(settings), backoff_(settings.backoff_initial_ms, settings.backoff_max_ms) {}

RunActions Run::step(const RunInput& input, std::int64_t now_ms, double random) {
  if (const auto* done = std::get_if<RunPublished>(&input)) {
    return published(done->outcome, now_ms, random);
  }
  return std::holds_alternative<RunWaited>(input) ? waited() : publish_next();
}

RunActions Run::waited() {
  if (tokens_left_ == 0) return publish_next();
  const std::uint32_t index = settings_.tokens - tokens_left_;
  --tokens_left_;
  return {SayToken{index}, WaitFor{settings_.pause_ms / (settings_.tokens + 1)}};
}

RunActions Run::published(const PublishOutcome& outcome, std::int64_t now_ms, double random) {
  switch (outcome.kind) {
    case PublishOutcome::Kind::accepted:
      return accepted();
    case PublishOutcome::Kind::already_accepted:
      return outcome.last_number < next_ ? RunActions{EndRun{RunEnd::refused}}
                                         : go_on_behind(outcome.last_number);
    case PublishOutcome::Kind::out_of_order:
      // Only a number that skips is out of order: anything else would go round in circles.
      return outcome.last_number + 1 >= next_ ? RunActions{EndRun{RunEnd::refused}}
                                              : go_on_behind(outcome.last_number);
    case PublishOutcome::Kind::try_again:
      return try_again(now_ms, random);
    case PublishOutcome::Kind::connection_ended:
      return {EndRun{RunEnd::connection_ended}};
    case PublishOutcome::Kind::refused:
      return {EndRun{RunEnd::refused}};
  }
  return {EndRun{RunEnd::refused}};
}

RunActions Run::accepted() {
  failing_since_ms_.reset();
  backoff_.reset();
  if (next_ == run_events) return {EndRun{RunEnd::completed}};
  if (next_ == run_event_thinking) tokens_left_ = settings_.tokens;
  ++next_;
  return {WaitFor{settings_.pause_ms / (tokens_left_ + 1)}};
}

RunActions Run::go_on_behind(std::uint64_t last_number) {
  failing_since_ms_.reset();
  backoff_.reset();
  if (last_number >= run_events) return {EndRun{RunEnd::completed}};
  next_ = static_cast<std::uint32_t>(last_number) + 1;
  return publish_next();
}

RunActions Run::try_again(std::int64_t now_ms, double random) {
  if (!failing_since_ms_) failing_since_ms_ = now_ms;
  if (now_ms - *failing_since_ms_ >= settings_.retry_for_ms) return {EndRun{RunEnd::given_up}};
  return {WaitFor{backoff_.next(random)}};
}

RunActions Run::publish_next() const { return {PublishEvent{next_}}; }

}  // namespace interlock
