#include "coordinator/authority/machine.h"

#include <algorithm>
#include <numeric>

namespace interlock {
namespace {

bool is_step(const Transition& entry, State from, State to, Generation generation) {
  return entry.from == from && entry.to == to && entry.generation == generation;
}

// A run after a run would push everything else out of the history: PROCESSING and back, repeated,
// share one entry. True when `from -> to` opens a pair that the last two entries already show.
bool joins_pair(const std::vector<Transition>& history, State from, State to,
                Generation generation) {
  if (from != State::kProcessingReady || to != State::kProcessing || history.size() < 2) {
    return false;
  }
  const Transition& back = history[history.size() - 1];
  const Transition& into = history[history.size() - 2];
  return is_step(back, to, from, generation) && is_step(into, from, to, generation);
}

void append(Record& record, State from, State to, const Cause& cause,
            std::vector<Transition>& steps) {
  Transition entry{.from = from,
                   .to = to,
                   .actor = cause.actor,
                   .reason = cause.reason,
                   .count = 1,
                   .generation = record.generation,
                   .tick = cause.tick,
                   .time_unix_ms = cause.time_unix_ms,
                   .note = cause.note,
                   .unknown = {}};
  steps.push_back(entry);
  ++record.transitions_total;
  std::vector<Transition>& history = record.transitions;
  if (joins_pair(history, from, to, record.generation)) {
    history.pop_back();
    Transition& pair = history.back();
    ++pair.count;
    pair.tick = cause.tick;
    pair.time_unix_ms = cause.time_unix_ms;
    return;
  }
  if (history.size() == kTransitionsMax) history.erase(history.begin());
  history.push_back(std::move(entry));
}

}  // namespace

void enter(Record& record, State to, const Cause& cause, std::vector<Transition>& steps) {
  append(record, record.state, to, cause, steps);
  record.state = to;
  record.changed_tick = cause.tick;
  if (is_operational(to)) record.operational = true;
  if (is_final(to) && record.has_backend) {
    record.closed_pending = record.generation;
    record.closed_pending_tick = cause.tick;
    record.closed_pending_reason = cause.reason;
  }
}

void start_machine(Record& record, const Cause& cause, std::vector<Transition>& steps) {
  append(record, State::kConnecting, State::kConnecting, cause, steps);
  record.state = State::kConnecting;
  record.changed_tick = cause.tick;
  record.operational = false;
}

void spend_claim_id(Record& record, std::string claim_id) {
  if (claim_id.empty() || is_spent(record, claim_id)) return;
  if (record.spent_claim_ids.size() == kSpentClaimIdsMax) {
    record.spent_claim_ids.erase(record.spent_claim_ids.begin());
  }
  record.spent_claim_ids.push_back(std::move(claim_id));
}

bool is_spent(const Record& record, std::string_view claim_id) {
  return std::find(record.spent_claim_ids.begin(), record.spent_claim_ids.end(), claim_id) !=
         record.spent_claim_ids.end();
}

bool is_barred(const Record& record) {
  return record.state == State::kClosed && record.kick && !record.kick->may_return &&
         record.kick->generation == record.generation;
}

std::size_t open_runs(const Record& record) {
  const auto is_open = [](const Run& run) { return run.open; };
  return static_cast<std::size_t>(
      std::count_if(record.runs.begin(), record.runs.end(), is_open));
}

std::uint64_t outbox_bytes(const Record& record) {
  return std::accumulate(record.outbox_sizes.begin(), record.outbox_sizes.end(), std::uint64_t{0});
}

void spell_out(Record& record, Generation generation) {
  const auto replace = [generation](Generation& value) {
    if (value == kThisCommit) value = generation;
  };
  replace(record.generation);
  replace(record.sequence_since);
  replace(record.closed_pending);
  if (record.kick) replace(record.kick->generation);
  for (Transition& entry : record.transitions) replace(entry.generation);
}

}  // namespace interlock
