// Advance, Detach, Close, Fail: what the owner does with its connection.
#include "coordinator/authority/decide.h"
#include "coordinator/authority/outbox.h"

namespace interlock {
namespace {

// The states that an owner may ask for. PROCESSING is not among them: the authority writes it.
constexpr StateSet kOwnersStates =
    bit(State::kAccepted) | bit(State::kAuthenticated) | bit(State::kServicesReady) |
    bit(State::kProcessingReady) | bit(State::kIdle) | bit(State::kDegraded) |
    bit(State::kClosing);

// What one run over the operations of a message works on.
struct Work {
  Record record;
  Decision decision;
  Done done;
  const Context& context;

  Cause because(Actor actor, Reason reason) const {
    return {actor, reason, context.tick, context.time_unix_ms};
  }
  void enter(State to, const Cause& cause) {
    interlock::enter(record, to, cause, decision.steps);
    done.steps.push_back(to);
  }
  void trim(std::optional<SequenceRange> range) {
    decision.trim = joined(decision.trim, range);
  }
};

Actor actor_of(Reason reason) {
  return reason == Reason::kSocketLost || reason == Reason::kClientDone ? Actor::kClient
                                                                        : Actor::kOwner;
}

Refusal illegal(const Record& record, State requested) {
  return IllegalTransition{record.state, requested};
}

Reason reason_of_advance(State from, State to) {
  if (to == State::kDegraded) return Reason::kBackendAway;
  const bool back = from == State::kDegraded && is_operational(to);
  return back ? Reason::kBackendBack : Reason::kStep;
}

std::optional<Refusal> advance(Work& work, State to) {
  const State from = work.record.state;
  const bool runs = open_runs(work.record) > 0;
  if (to == from) return std::nullopt;
  if (!contains(kOwnersStates, to)) return illegal(work.record, to);
  if (to == State::kIdle && runs) return illegal(work.record, to);
  // With a run open, PROCESSING is what PROCESSING_READY means.
  if (to == State::kProcessingReady && from == State::kProcessing && runs) return std::nullopt;
  // A resumed machine goes on to PROCESSING_READY or DEGRADED only.
  if (from == State::kReconnecting && to == State::kServicesReady) return illegal(work.record, to);
  if (!may_follow(from, to)) return illegal(work.record, to);
  work.enter(to, work.because(Actor::kOwner, reason_of_advance(from, to)));
  if (to == State::kProcessingReady && runs) {
    work.enter(State::kProcessing, work.because(Actor::kOwner, Reason::kRunOpened));
  }
  return std::nullopt;
}

void detach(Work& work, Reason reason) {
  std::vector<Transition> steps;
  work.trim(let_go(work.record, work.because(actor_of(reason), reason), steps));
  for (Transition& step : steps) {
    work.done.steps.push_back(step.to);
    work.decision.steps.push_back(std::move(step));
  }
}

void close(Work& work, Reason reason) {
  const Cause cause = work.because(actor_of(reason), reason);
  if (is_operational(work.record.state)) work.enter(State::kClosing, cause);
  work.enter(State::kClosed, cause);
  work.trim(end_sequence(work.record));
  work.record.owner.clear();
}

std::optional<Refusal> fail(Work& work, Reason reason) {
  if (!may_follow(work.record.state, State::kFailed)) return illegal(work.record, State::kFailed);
  work.enter(State::kFailed, work.because(Actor::kOwner, reason));
  work.record.owner.clear();
  return std::nullopt;
}

std::optional<Refusal> apply(Work& work, const Operation& operation) {
  // An operation of the same message has already let the connection go.
  if (work.record.owner.empty()) return StaleGeneration{work.record.generation};
  switch (operation.kind) {
    case Operation::Kind::kAdvance: return advance(work, operation.to);
    case Operation::Kind::kDetach: detach(work, operation.reason); return std::nullopt;
    case Operation::Kind::kClose: close(work, operation.reason); return std::nullopt;
    case Operation::Kind::kFail: return fail(work, operation.reason);
  }
  return InvalidArgument{"operations", "an operation of an unknown kind"};
}

// Numbers rise by one, without a gap behind the last one taken.
std::optional<Refusal> check_numbers(const Record& record, const Operate& operate,
                                     const Context& context) {
  if (operate.operations.empty()) return InvalidArgument{"operations", "there is none"};
  if (operate.operations.size() > context.limits.operations_max) {
    return ResourceExhausted{"operations_max", context.limits.operations_max};
  }
  std::uint64_t expected = operate.operations.front().op;
  if (expected == 0 || expected > record.last_op + 1) {
    return InvalidArgument{"operations", "the first number skips behind the last one taken"};
  }
  for (const Operation& operation : operate.operations) {
    if (operation.op != expected++) {
      return InvalidArgument{"operations", "the numbers do not rise by one"};
    }
  }
  return std::nullopt;
}

Done finish(const Work& work) {
  Done done = work.done;
  done.last_op = work.record.last_op;
  done.state = work.record.state;
  done.owner = work.record.owner;
  done.last_sequence = work.record.last_sequence;
  return done;
}

}  // namespace

Decision decide_operate(const Record& record, const Operate& operate, const Context& context) {
  if (operate.generation != record.generation) {
    return {.answer = Refusal{StaleGeneration{record.generation}}};
  }
  if (auto refusal = check_numbers(record, operate, context)) return {.answer = *refusal};
  Work work{.record = record, .decision = {}, .done = {}, .context = context};
  if (operate.operations.back().op <= record.last_op) return {.answer = finish(work)};
  if (!is_owner(record, operate.gateway_id)) {
    return {.answer = Refusal{StaleGeneration{record.generation}}};
  }
  work.trim(acknowledge(work.record, operate.acknowledged, context.tick));
  for (const Operation& operation : operate.operations) {
    if (operation.op <= record.last_op) continue;  // taken before
    // The number is taken whether the operation is applied or refused.
    work.record.last_op = operation.op;
    if (auto refusal = apply(work, operation)) {
      work.done.refused.push_back({operation.op, std::move(*refusal)});
    }
  }
  work.decision.answer = finish(work);
  work.decision.record = std::move(work.record);
  return std::move(work.decision);
}

}  // namespace interlock
