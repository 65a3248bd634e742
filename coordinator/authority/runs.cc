#include "coordinator/authority/runs.h"

#include <algorithm>

namespace interlock {
namespace {

bool opened(const Run& run) { return run.open || (run.kinds & 1) != 0; }
bool has_ended(const Run& run) { return !run.open && run.ended_order > 0; }

void end(Record& record, Run& run) {
  run.open = false;
  std::uint64_t order = 0;
  for (const Run& other : record.runs) order = std::max(order, other.ended_order);
  run.ended_order = order + 1;
}

// With runs open PROCESSING_READY is PROCESSING, and without any it is not.
void follow(Record& record, bool had_open, const Cause& cause, std::vector<Transition>& steps) {
  const bool has_open = open_runs(record) > 0;
  const auto step = [&](State to, Reason reason) {
    enter(record, to, {cause.actor, reason, cause.tick, cause.time_unix_ms}, steps);
  };
  if (!had_open && has_open &&
      (record.state == State::kProcessingReady || record.state == State::kIdle)) {
    step(State::kProcessing, Reason::kRunOpened);
  } else if (had_open && !has_open && record.state == State::kProcessing) {
    step(State::kProcessingReady, Reason::kRunsEnded);
  }
}

// Nothing can change any more about how this run ended.
bool is_settled(const Run& run, Sequence acknowledged) {
  return run.silent || (has_ended(run) && run.last_sequence <= acknowledged);
}

const Run* find(const std::vector<Run>& runs, const std::string& name) {
  const auto found = std::find_if(runs.begin(), runs.end(),
                                  [&](const Run& run) { return run.name == name; });
  return found == runs.end() ? nullptr : &*found;
}

}  // namespace

Run* find_run(Record& record, const std::string& name) {
  return const_cast<Run*>(find(record.runs, name));
}

Run* add_run(Record& record, const std::string& name) {
  if (record.runs.size() == kRunsMax) {
    auto oldest = record.runs.end();
    for (auto run = record.runs.begin(); run != record.runs.end(); ++run) {
      if (run->open) continue;
      if (oldest == record.runs.end() || run->ended_order < oldest->ended_order) oldest = run;
    }
    if (oldest == record.runs.end()) return nullptr;
    record.runs.erase(oldest);
  }
  record.runs.push_back(Run{.name = name});
  return &record.runs.back();
}

void follow_run(Record& record, Run& run, const std::string& type, const Cause& cause,
                std::vector<Transition>& steps) {
  const bool had_open = open_runs(record) > 0;
  const auto kind = std::find(kAgentEvents.begin(), kAgentEvents.end(), type);
  if (kind != kAgentEvents.end()) run.kinds |= 1u << (kind - kAgentEvents.begin());
  const bool over = run.ended_order > 0;  // for good
  if (!over && type == kAgentEvents.front()) run.open = true;
  if (!over && type == kAgentEvents.back()) end(record, run);
  follow(record, had_open, cause, steps);
}

std::optional<Tick> runs_due(const Record& record, const DeadlineLimits& limits) {
  std::optional<Tick> due;
  if (is_final(record.state)) return due;
  for (const Run& run : record.runs) {
    const Tick at = run.tick + 1 + limits.run_silence_ticks;
    if (run.open) due = std::min(due.value_or(at), at);
  }
  return due;
}

bool end_silent_runs(Record& record, const DeadlineLimits& limits, const Cause& cause,
                     std::vector<Transition>& steps) {
  bool any = false;
  const bool had_open = open_runs(record) > 0;
  for (Run& run : record.runs) {
    if (!run.open || cause.tick < run.tick + 1 + limits.run_silence_ticks) continue;
    end(record, run);
    run.silent = any = true;
  }
  if (any) follow(record, had_open, cause, steps);
  return any;
}

std::vector<RunEnded> ended_runs(const Record& before, const Record* after) {
  std::vector<RunEnded> ended;
  const bool goes_on = after != nullptr && after->sequence_since == before.sequence_since;
  const Sequence acknowledged = goes_on ? after->acknowledged : before.acknowledged;
  for (const Run& was : before.runs) {
    if (!opened(was) || is_settled(was, before.acknowledged)) continue;
    const Run* now = goes_on ? find(after->runs, was.name) : nullptr;
    if (now != nullptr && !is_settled(*now, acknowledged)) continue;
    const Run& last = now != nullptr ? *now : was;
    const bool complete = !last.silent && has_ended(last) && last.last_sequence <= acknowledged;
    ended.push_back({was.name, complete, last.kinds});
  }
  return ended;
}

}  // namespace interlock
