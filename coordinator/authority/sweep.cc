#include "coordinator/authority/sweep.h"

#include <algorithm>

#include "coordinator/authority/decide.h"
#include "coordinator/authority/outbox.h"

namespace interlock {

std::optional<Tick> due_tick(const Record& record, const DeadlineLimits& limits) {
  const State state = record.state;
  const Tick since = record.changed_tick + 1;  // the tick that was passing does not count
  if (is_final(state)) {
    const Tick kept_until = since + limits.retention_ticks;
    if (record.closed_pending == 0) return kept_until;
    return std::max(kept_until, record.closed_pending_tick + limits.closed_pending_ticks);
  }
  if (state == State::kReconnecting && record.owner.empty()) {
    return since + limits.resume_window_ticks;
  }
  if (is_operational(state)) return std::nullopt;
  return since + limits.setup_ticks;
}

std::optional<SequenceRange> let_go(Record& record, const Cause& cause,
                                    std::vector<Transition>& steps) {
  std::optional<SequenceRange> trim;
  if (is_operational(record.state)) {
    enter(record, State::kReconnecting, cause, steps);
  } else if (is_setup(record.state)) {
    enter(record, State::kFailed, cause, steps);
  } else if (record.state == State::kClosing) {
    enter(record, State::kClosed, cause, steps);
    trim = end_sequence(record);
  }
  record.owner.clear();
  record.changed_tick = cause.tick;
  return trim;
}

Decision decide_sweep(const Record& record, const Sweep& sweep, const Context& context) {
  Decision decision{.answer = Settled{}};
  // What has changed since it was seen may not be due any more; if it is, it is seen again.
  if (sweep.seen != context.revision) return decision;
  const std::optional<Tick> due = due_tick(record, context.limits.deadlines);
  const bool late = due && context.tick >= *due;
  if (is_final(record.state)) {
    decision.remove = late || (sweep.capped && record.closed_pending == 0);
    return decision;
  }
  const auto because = [&context](Reason reason) {
    return Cause{Actor::kAuthority, reason, context.tick, context.time_unix_ms};
  };
  Record next = record;
  if (record.state == State::kReconnecting && record.owner.empty()) {
    if (!late && !sweep.capped) return decision;
    const Reason reason = late ? Reason::kResumeExpired : Reason::kSessionsCapped;
    enter(next, State::kClosed, because(reason), decision.steps);
    decision.trim = end_sequence(next);
  } else if (!record.owner.empty() && !context.owner_lives) {
    decision.trim = let_go(next, because(Reason::kGatewayExpired), decision.steps);
  } else if (late) {
    decision.trim = let_go(next, because(Reason::kSetupExpired), decision.steps);
  } else {
    return decision;
  }
  decision.record = std::move(next);
  return decision;
}

}  // namespace interlock
