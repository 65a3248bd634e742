// Publish: the next sequence and an outbox entry, once, however often it is asked.
#include <algorithm>

#include "coordinator/authority/decide.h"
#include "coordinator/authority/outbox.h"
#include "coordinator/authority/runs.h"

namespace interlock {
namespace {

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
                                  const Context& context) {
  const AuthorityLimits& limits = context.limits;
  if (!context.no_room.empty()) return NotNow{limits.no_room_after_ms, context.no_room};
  if (outbox_events(record) >= limits.outbox_events_max) {
    return ResourceExhausted{"outbox_events_max", limits.outbox_events_max};
  }
  if (outbox_bytes(record) + publish.payload.size() > limits.outbox_bytes_max) {
    return ResourceExhausted{"outbox_bytes_max", limits.outbox_bytes_max};
  }
  const Tick age_max = limits.outbox_age_ticks_max;
  if (age_max > 0 && outbox_events(record) > 0 &&
      context.tick > record.outbox_since_tick + age_max) {
    return ResourceExhausted{"outbox_age_max", age_max};
  }
  return std::nullopt;
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
  if (auto refusal = check_room(record, publish, context)) return {.answer = *refusal};

  Record next = record;
  Decision decision;
  if (outbox_events(next) == 0) next.outbox_since_tick = context.tick;
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
    follow_run(next, *run, publish.type,
               {Actor::kBackend, Reason::kStep, context.tick, context.time_unix_ms},
               decision.steps);
  }
  if (const Tick due = due_of(context.tick, publish.ttl_ms)) {
    next.timed.push_back({next.last_sequence, due, {}});
  }
  decision.put = event_of(next, publish, context);
  decision.answer = receipt_of(next, next.last_sequence, false);
  decision.record = std::move(next);
  return decision;
}

}  // namespace interlock
