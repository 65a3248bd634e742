#include "coordinator/authority/sweep.h"

#include <algorithm>

#include "coordinator/authority/decide.h"
#include "coordinator/authority/outbox.h"
#include "coordinator/authority/runs.h"

namespace interlock {

namespace {

std::optional<Tick> state_due(const Record& record, const DeadlineLimits& limits) {
  const State state = record.state;
  const Tick since = record.changed_tick + 1;  // the tick that was passing does not count
  if (is_final(state)) return since + limits.retention_ticks;
  if (state == State::kReconnecting && record.owner.empty()) {
    return since + limits.resume_window_ticks;
  }
  if (is_operational(state)) return std::nullopt;
  return since + limits.setup_ticks;
}

bool is_due(std::optional<Tick> due, Tick tick) { return due && tick >= *due; }

std::optional<Tick> earlier(std::optional<Tick> a, std::optional<Tick> b) {
  return a && b ? std::min(a, b) : a ? a : b;
}

}  // namespace

std::optional<Tick> news_due(const Record& record, const DeadlineLimits& limits) {
  if (record.closed_pending == 0) return std::nullopt;
  return record.closed_pending_tick + 1 + limits.closed_pending_ticks;
}

std::optional<Tick> due_tick(const Record& record, const DeadlineLimits& limits) {
  const auto of_state = state_due(record, limits);
  const auto of_news = news_due(record, limits);
  // What ended is kept for as long as its backend is owed the news.
  if (is_final(record.state)) return of_news ? std::max(of_state, of_news) : of_state;
  return earlier(earlier(of_state, of_news), runs_due(record, limits));
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

namespace {

Decision sweep_final(const Record& record, const Sweep& sweep, const Context& context) {
  Decision decision{.answer = Settled{}};
  const bool late = is_due(due_tick(record, context.limits.deadlines), context.tick);
  decision.remove = late || (sweep.capped && record.closed_pending == 0);
  return decision;
}

}  // namespace

Decision decide_sweep(const Record& record, const Sweep& sweep, const Context& context) {
  Decision decision{.answer = Settled{}};
  // What has changed since it was seen may not be due any more; if it is, it is seen again.
  if (sweep.seen != context.revision) return decision;
  if (is_final(record.state)) return sweep_final(record, sweep, context);
  const DeadlineLimits& limits = context.limits.deadlines;
  const bool late = is_due(state_due(record, limits), context.tick);
  const auto because = [&context](Reason reason) {
    return Cause{Actor::kAuthority, reason, context.tick, context.time_unix_ms};
  };
  Record next = record;
  bool changed = end_silent_runs(next, limits, because(Reason::kRunsEnded), decision.steps);
  if (is_due(news_due(record, limits), context.tick)) {
    next.closed_pending = 0;
    changed = true;
  }
  if (record.state == State::kReconnecting && record.owner.empty()) {
    if (late || sweep.capped) {
      const Reason reason = late ? Reason::kResumeExpired : Reason::kSessionsCapped;
      enter(next, State::kClosed, because(reason), decision.steps);
      decision.trim = end_sequence(next);
      changed = true;
    }
  } else if (!record.owner.empty() && !context.owner_lives) {
    decision.trim = let_go(next, because(Reason::kGatewayExpired), decision.steps);
    changed = true;
  } else if (late) {
    decision.trim = let_go(next, because(Reason::kSetupExpired), decision.steps);
    changed = true;
  }
  if (changed) decision.record = std::move(next);
  return decision;
}

}  // namespace interlock
