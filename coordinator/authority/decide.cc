#include "coordinator/authority/decide.h"

#include "coordinator/authority/outbox.h"

namespace interlock {

Decision decide(const Record* record, const Command& command, const Context& context) {
  if (const auto* claim = std::get_if<Claim>(&command)) {
    return decide_claim(record, *claim, context);
  }
  // Only a claim makes a record. For everything else an unknown key is unknown: never a default.
  if (!record) return {.answer = Refusal{NotFound{}}};
  struct {
    const Record& record;
    const Context& context;
    Decision operator()(const Claim&) const { return {}; }  // above
    Decision operator()(const Abandon& abandon) const {
      return decide_abandon(record, abandon, context);
    }
    Decision operator()(const Operate& operate) const {
      return decide_operate(record, operate, context);
    }
    Decision operator()(const Acknowledge& acknowledge) const {
      return decide_acknowledge(record, acknowledge, context);
    }
    Decision operator()(const Publish& publish) const {
      return decide_publish(record, publish, context);
    }
    Decision operator()(const Forget& forget) const { return decide_forget(record, forget); }
    Decision operator()(const Sweep& sweep) const { return decide_sweep(record, sweep, context); }
    Decision operator()(const ClosedTold& told) const { return decide_closed_told(record, told); }
    Decision operator()(const Steer& steer) const { return decide_steer(record, steer, context); }
    Decision operator()(const Lookup&) const { return {.answer = Found{record}}; }
  } by_command{*record, context};
  return std::visit(by_command, command);
}

Decision decide_acknowledge(const Record& record, const Acknowledge& request,
                            const Context& context) {
  if (request.generation != record.generation || !is_owner(record, request.gateway_id)) {
    return {.answer = Refusal{StaleGeneration{record.generation}}};
  }
  Record next = record;
  const Tick came = request.tick > 0 ? request.tick : context.tick;
  std::optional<SequenceRange> trim = acknowledge(next, request.sequence, came);
  if (!trim) return {.answer = Settled{}};
  return {.answer = Settled{}, .record = std::move(next), .trim = trim};
}

Decision decide_forget(const Record& record, const Forget& forget) {
  if (record.generation != forget.generation) {
    return {.answer = Refusal{StaleGeneration{record.generation}}};
  }
  if (!is_final(record.state)) {
    return {.answer = Refusal{IllegalTransition{record.state, State::kClosed}}};
  }
  return {.answer = Settled{}, .remove = true};
}

Decision decide_closed_told(const Record& record, const ClosedTold& told) {
  if (record.closed_pending == 0 || record.closed_pending > told.generation) {
    return {.answer = Settled{}};
  }
  Record next = record;
  next.closed_pending = 0;
  return {.answer = Settled{}, .record = std::move(next)};
}

namespace {

struct SpellOut {
  Generation generation;
  void operator()(Generation& value) const {
    if (value == kThisCommit) value = generation;
  }
  void operator()(Refusal& refusal) const {
    if (auto* stale = std::get_if<Stale>(&refusal)) (*this)(stale->current);
    if (auto* stale = std::get_if<StaleGeneration>(&refusal)) (*this)(stale->current);
    if (auto* owned = std::get_if<AlreadyOwned>(&refusal)) (*this)(owned->current);
  }
};

}  // namespace

void spell_out(Answer& answer, Generation generation) {
  const SpellOut spell{generation};
  if (auto* granted = std::get_if<Granted>(&answer)) {
    spell(granted->generation);
    spell(granted->sequence_since);
  } else if (auto* receipt = std::get_if<Receipt>(&answer)) {
    spell(receipt->sequence_since);
  } else if (auto* done = std::get_if<Done>(&answer)) {
    for (RefusedOperation& refused : done->refused) spell(refused.refusal);
  } else if (auto* found = std::get_if<Found>(&answer)) {
    spell_out(found->record, generation);
  } else if (auto* refusal = std::get_if<Refusal>(&answer)) {
    spell(*refusal);
  }
}

}  // namespace interlock
