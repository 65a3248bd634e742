// Publish: the next sequence and an outbox entry, once, however often it is asked.
#include <algorithm>

#include "coordinator/authority/decide.h"
#include "coordinator/authority/outbox.h"

namespace interlock {
namespace {

constexpr std::string_view kRunOpens = "agent_started";
constexpr std::string_view kRunEnds = "agent_completed";

Receipt receipt_of(const Record& record, Sequence sequence, bool repeated) {
  return {sequence, record.sequence_since, record.state, repeated};
}

std::optional<Refusal> check_shape(const Publish& publish, const AuthorityLimits& limits) {
  if (publish.payload.size() > limits.payload_bytes_max) {
    return ResourceExhausted{"payload_bytes_max", limits.payload_bytes_max};
  }
  if (publish.run.size() > limits.run_name_bytes_max) {
    return InvalidArgument{"run", "the name is longer than run_name_bytes_max"};
  }
  if (publish.idempotency_key.size() > limits.idempotency_key_bytes_max) {
    return InvalidArgument{"idempotency_key", "longer than idempotency_key_bytes_max"};
  }
  if (!publish.run.empty() && publish.number == 0) {
    return InvalidArgument{"number", "events of a run are numbered 1, 2, 3 ..."};
  }
  if (publish.run.empty() && publish.number != 0) {
    return InvalidArgument{"number", "only events of a run have a number"};
  }
  if (publish.run.empty() && publish.idempotency_key.empty()) {
    return InvalidArgument{"idempotency_key", "an event outside a run needs one"};
  }
  return std::nullopt;
}

Run* find_run(Record& record, const std::string& name) {
  const auto found = std::find_if(record.runs.begin(), record.runs.end(),
                                  [&](const Run& run) { return run.name == name; });
  return found == record.runs.end() ? nullptr : &*found;
}

// What a repetition, or a number that does not follow, is answered.
std::optional<Answer> answer_known(const Record& record, const Publish& publish) {
  if (publish.run.empty()) {
    for (const PublishKey& known : record.publish_keys) {
      if (known.key == publish.idempotency_key) return receipt_of(record, known.sequence, true);
    }
    return std::nullopt;
  }
  for (const Run& run : record.runs) {
    if (run.name != publish.run) continue;
    if (publish.number == run.last_number) return receipt_of(record, run.last_sequence, true);
    if (publish.number < run.last_number) {
      return Refusal{AlreadyAccepted{run.last_number, run.last_sequence}};
    }
    if (publish.number > run.last_number + 1) return Refusal{OutOfOrder{run.last_number}};
    return std::nullopt;
  }
  if (publish.number != 1) return Refusal{UnknownRun{}};
  return std::nullopt;
}

std::optional<Refusal> check_room(const Record& record, const Publish& publish,
                                  const AuthorityLimits& limits) {
  if (outbox_events(record) >= limits.outbox_events_max) {
    return ResourceExhausted{"outbox_events_max", limits.outbox_events_max};
  }
  if (outbox_bytes(record) + publish.payload.size() > limits.outbox_bytes_max) {
    return ResourceExhausted{"outbox_bytes_max", limits.outbox_bytes_max};
  }
  return std::nullopt;
}

// A place for one more run: the run that ended first gives way. Nothing when all 16 are open.
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

// Opens or ends the run, and moves the state with it.
void follow_run(Record& record, Run& run, const Publish& publish, const Context& context,
                std::vector<Transition>& steps) {
  const bool had_open = open_runs(record) > 0;
  if (publish.type == kRunOpens) run.open = true;
  if (publish.type == kRunEnds && (run.open || run.ended_order == 0)) {
    run.open = false;
    std::uint64_t order = 0;
    for (const Run& other : record.runs) order = std::max(order, other.ended_order);
    run.ended_order = order + 1;
  }
  const bool has_open = open_runs(record) > 0;
  const auto step = [&](State to, Reason reason) {
    enter(record, to, {Actor::kBackend, reason, context.tick, context.time_unix_ms}, steps);
  };
  if (!had_open && has_open &&
      (record.state == State::kProcessingReady || record.state == State::kIdle)) {
    step(State::kProcessing, Reason::kRunOpened);
  } else if (had_open && !has_open && record.state == State::kProcessing) {
    step(State::kProcessingReady, Reason::kRunsEnded);
  }
}

void remember_key(Record& record, const Publish& publish) {
  if (record.publish_keys.size() == kPublishKeysMax) {
    record.publish_keys.erase(record.publish_keys.begin());
  }
  record.publish_keys.push_back({publish.idempotency_key, record.last_sequence, {}});
}

OutboxEvent event_of(const Record& record, const Publish& publish, const Context& context) {
  return {.sequence = record.last_sequence,
          .type = publish.type,
          .run = publish.run,
          .number = publish.number,
          .id = publish.run.empty() ? publish.idempotency_key
                                    : publish.run + "/" + std::to_string(publish.number),
          .payload = publish.payload,
          .tick = context.tick,
          .ttl_ms = publish.ttl_ms,
          .time_unix_ms = context.time_unix_ms};
}

}  // namespace

Decision decide_publish(const Record& record, const Publish& publish, const Context& context) {
  if (record.state == State::kClosed) return {.answer = Refusal{Gone{record.state}}};
  if (auto refusal = check_shape(publish, context.limits)) return {.answer = *refusal};
  if (auto known = answer_known(record, publish)) return {.answer = std::move(*known)};
  if (auto refusal = check_room(record, publish, context.limits)) return {.answer = *refusal};

  Record next = record;
  Decision decision;
  ++next.last_sequence;
  next.outbox_sizes.push_back(static_cast<std::uint32_t>(publish.payload.size()));
  if (publish.run.empty()) {
    remember_key(next, publish);
  } else {
    Run* run = find_run(next, publish.run);
    if (run == nullptr) run = add_run(next, publish.run);
    if (run == nullptr) return {.answer = Refusal{ResourceExhausted{"open_runs_max", kRunsMax}}};
    run->last_number = publish.number;
    run->last_sequence = next.last_sequence;
    run->tick = context.tick;
    follow_run(next, *run, publish, context, decision.steps);
  }
  decision.put = event_of(next, publish, context);
  decision.answer = receipt_of(next, next.last_sequence, false);
  decision.record = std::move(next);
  return decision;
}

}  // namespace interlock
