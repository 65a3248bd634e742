// Kick and ForceRelease: what an operator does to a connection.
#include "coordinator/authority/decide.h"
#include "coordinator/authority/outbox.h"

namespace interlock {
namespace {

Cause because(const Steer& steer, const Context& context) {
  const Reason reason =
      steer.kind == Steer::Kind::kKick ? Reason::kKicked : Reason::kReleasedByForce;
  return {Actor::kAdmin, reason, context.tick, context.time_unix_ms, steer.note};
}

// The machine ends, and while its record is kept no claim begins another.
Decision end_for_good(const Record& record, const Steer& steer, const Context& context) {
  Decision decision{.answer = Settled{}};
  Record next = record;
  enter(next, State::kClosed, because(steer, context), decision.steps);
  decision.trim = end_sequence(next);
  next.owner.clear();
  next.kick = Kick{.code = steer.code, .may_return = false, .generation = next.generation};
  decision.record = std::move(next);
  return decision;
}

// Only the socket ends: the machine waits for its client.
Decision take_from_owner(const Record& record, const Steer& steer, const Context& context) {
  Decision decision{.answer = Settled{}};
  if (record.owner.empty()) return decision;
  Record next = record;
  decision.trim = let_go(next, because(steer, context), decision.steps);
  next.kick = Kick{.code = steer.code, .may_return = true, .generation = next.generation};
  decision.record = std::move(next);
  return decision;
}

// An end that a kick has made can be softened by one that lets the client return.
Decision kick_final(const Record& record, const Steer& steer) {
  if (!is_barred(record)) return {.answer = Refusal{Gone{record.state}}};
  if (!steer.may_return) return {.answer = Settled{}};
  Decision decision{.answer = Settled{}};
  decision.record = record;
  decision.record->kick->may_return = true;
  return decision;
}

}  // namespace

Decision decide_steer(const Record& record, const Steer& steer, const Context& context) {
  if (record.generation != steer.generation) {
    return {.answer = Refusal{StaleGeneration{record.generation}}};
  }
  const bool kick = steer.kind == Steer::Kind::kKick;
  if (is_final(record.state)) {
    return kick ? kick_final(record, steer) : Decision{.answer = Refusal{Gone{record.state}}};
  }
  return kick && !steer.may_return ? end_for_good(record, steer, context)
                                   : take_from_owner(record, steer, context);
}

}  // namespace interlock
