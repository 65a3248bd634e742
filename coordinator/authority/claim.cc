// Claim and Abandon: who may act for a key.
#include "coordinator/authority/decide.h"
#include "coordinator/authority/outbox.h"

namespace interlock {
namespace {

Cause because(const Context& context, Reason reason) {
  return {Actor::kClaimant, reason, context.tick, context.time_unix_ms};
}

bool is_at_cap(const Context& context) {
  const std::uint64_t max = context.limits.sessions_per_subject_max;
  return context.admission && max > 0 && context.admission->subject_live >= max;
}

// From the future: the client cannot have seen such a hello. It counts as none.
std::optional<Attempt> believable(const std::optional<Attempt>& attempt, Generation newest) {
  return attempt && attempt->generation <= newest ? attempt : std::nullopt;
}

// How an attempt stands to the claim that made the current generation.
enum class Order { kUnordered, kNewer, kNotNewer };

Order order_of(const Record& record, const Claim& claim) {
  const std::optional<Attempt> attempt = believable(claim.attempt, record.generation);
  if (!attempt) return Order::kUnordered;
  if (attempt->generation == record.generation) return Order::kNewer;
  // The first claim of a key is written before its generation has a number: it is judged here.
  const std::optional<Attempt> made = believable(record.attempt, record.generation - 1);
  if (!made) return Order::kUnordered;
  return *attempt > *made ? Order::kNewer : Order::kNotNewer;
}

// A claim goes through the steps of a setup only.
bool valid_through(State through) {
  return through <= State::kProcessingReady || through == State::kDegraded;
}

// Of a claim that begins a session: room in the store, the limits of its subject, and of all. Short
// of the last tenth the subjects that hold most are refused first.
std::optional<Refusal> refuse_new_session(const Context& context) {
  if (!context.admission) return std::nullopt;
  const Admission& now = *context.admission;
  const AuthorityLimits& limits = context.limits;
  if (!context.no_room.empty()) return NotNow{limits.no_room_after_ms, context.no_room};
  const bool scarce = now.records >= limits.records_max - limits.records_max / 10;
  const bool holds_much = now.subject_records > limits.sessions_per_subject_max / 2;
  if (now.records >= limits.records_max || (scarce && holds_much)) {
    return ResourceExhausted{"records_max", limits.records_max};
  }
  if (is_at_cap(context) && now.subject_waiting == 0) {
    return ResourceExhausted{"sessions_per_subject_max", limits.sessions_per_subject_max};
  }
  return std::nullopt;
}

std::optional<Refusal> refuse_claim(const Record& record, const Claim& claim,
                                    const Context& context) {
  if (record.subject != claim.subject) {
    return PermissionDenied{"the connection belongs to another subject"};
  }
  if (claim.claim_id == record.claim_id || is_spent(record, claim.claim_id)) {
    return Stale{record.generation};
  }
  const bool owned = !record.owner.empty();
  const Order order = order_of(record, claim);
  if (order == Order::kNotNewer && owned) return Stale{record.generation};
  if (is_barred(record)) {
    return PermissionDenied{"an operator has ended this connection for good"};
  }
  if (!owned || !context.owner_lives) return std::nullopt;
  if (claim.policy == Policy::kReject && order != Order::kNewer) {
    return AlreadyOwned{record.generation, context.limits.duplicate_after_ms};
  }
  if (context.takeover_after_ms > 0) {
    return NotNow{context.takeover_after_ms, "this connection is taken over too often"};
  }
  return std::nullopt;
}

// The granted steps of a claim, which are asked for with it because nothing lies between.
void go_through(Record& record, State through, const Cause& cause,
                std::vector<Transition>& steps) {
  const auto step = [&](State to) {
    if (record.state != to && may_follow(record.state, to)) enter(record, to, cause, steps);
  };
  if (record.state == State::kReconnecting) {
    // A resumed machine goes on to PROCESSING_READY or DEGRADED only.
    if (is_operational(through)) step(through);
  } else {
    for (State to : {State::kAccepted, State::kAuthenticated, State::kServicesReady,
                     State::kProcessingReady}) {
      if (to > through || (through == State::kDegraded && to > State::kAuthenticated)) break;
      step(to);
    }
    if (through == State::kDegraded) step(through);
  }
  if (record.state == State::kProcessingReady && open_runs(record) > 0) {
    enter(record, State::kProcessing,
          {cause.actor, Reason::kRunOpened, cause.tick, cause.time_unix_ms}, steps);
  }
}

// Ends the machine that was still in setup, or already closing. Answers what to trim of the outbox.
std::optional<SequenceRange> displace(Record& record, const Context& context,
                                      std::vector<Transition>& steps) {
  const Cause cause = because(context, Reason::kDisplaced);
  if (is_setup(record.state)) {
    enter(record, State::kFailed, cause, steps);
  } else if (record.state == State::kClosing) {
    enter(record, State::kClosed, cause, steps);
    return end_sequence(record);
  }
  return std::nullopt;
}

// The client's position, when it counts: told under a hello of this life of the sequence, and under
// one that there has been. `newest`: the newest generation before this claim.
std::optional<ClientPosition> position_of(const Claim& claim, const Record& record,
                                          Generation newest) {
  const bool counts = claim.position && claim.position->generation >= record.sequence_since &&
                      claim.position->generation <= newest;
  return counts ? claim.position : std::nullopt;
}

// Where delivery begins for this client, and what its position acknowledges.
std::optional<SequenceRange> take_position(Record& record,
                                           const std::optional<ClientPosition>& position,
                                           Tick tick, Granted& granted) {
  std::optional<SequenceRange> trim;
  if (position) {
    const Sequence last = position->last_sequence;
    if (last > record.last_sequence || last < record.acknowledged) {
      granted.position_lost = true;
    } else {
      trim = acknowledge(record, last, tick);
      granted.resumed = true;
    }
  }
  granted.next_sequence = record.acknowledged + 1;
  granted.last_sequence = record.last_sequence;
  granted.sequence_since = record.sequence_since;
  return trim;
}

void take_ownership(Record& record, const Claim& claim) {
  spend_claim_id(record, std::move(record.claim_id));
  record.attempt = believable(claim.attempt, record.generation);
  record.generation = kThisCommit;
  record.subject = claim.subject;
  record.owner = claim.gateway_id;
  record.claim_id = claim.claim_id;
  record.last_op = 0;
  record.kick.reset();
}

// The same grant again: the answer was lost, the claim was repeated.
Granted grant_again(const Record& record, const Claim& claim) {
  Granted granted{.generation = record.generation,
                  .resumed = false,
                  .position_lost = false,
                  .next_sequence = record.acknowledged + 1,
                  .last_sequence = record.last_sequence,
                  .state = record.state,
                  .steps = {},
                  .sequence_since = record.sequence_since};
  // What counted was acknowledged with the grant. What was ahead or behind then must not look good
  // now, because events have come since.
  if (const auto position = position_of(claim, record, record.generation)) {
    granted.resumed = position->last_sequence == record.acknowledged;
    granted.position_lost = !granted.resumed;
  }
  State before = record.state;
  for (const Transition& entry : record.transitions) {
    if (entry.generation != record.generation) continue;
    if (granted.steps.empty()) before = entry.from;
    granted.steps.push_back(entry.to);
  }
  // The machine that waited already has no entry of its own for its new owner.
  if (before == State::kReconnecting) granted.steps.insert(granted.steps.begin(), before);
  return granted;
}

}  // namespace

Decision decide_claim(const Record* record, const Claim& claim, const Context& context) {
  if (!valid_through(claim.through)) {
    return {.answer = Refusal{InvalidArgument{
                "through", "only CONNECTING to PROCESSING_READY, or DEGRADED"}}};
  }
  if (context.claimant_expired) return {.answer = Refusal{GatewayExpired{}}};
  Record next = record ? *record : Record{};
  Decision decision;
  Granted granted;
  const bool begins = !record || is_final(record->state);
  if (record) {
    if (record->subject == claim.subject && record->claim_id == claim.claim_id &&
        is_owner(*record, claim.gateway_id)) {
      return {.answer = grant_again(*record, claim)};
    }
    if (auto refusal = refuse_claim(*record, claim, context)) return {.answer = *refusal};
    decision.trim = displace(next, context, decision.steps);
  }
  if (begins) {
    if (auto refusal = refuse_new_session(context)) return {.answer = *refusal};
    granted.capped = is_at_cap(context);
  }
  const bool owner_lives = !next.owner.empty() && context.owner_lives;
  granted.took_over = owner_lives;
  const std::size_t own_steps = decision.steps.size();
  take_ownership(next, claim);
  if (!record || is_final(next.state)) {
    if (next.state == State::kClosed) begin_sequence(next);
    start_machine(next, because(context, Reason::kClaimed), decision.steps);
    next.has_backend = false;
  } else if (is_operational(next.state)) {
    const Reason reason = owner_lives ? Reason::kTakenOver : Reason::kResumed;
    enter(next, State::kReconnecting, because(context, reason), decision.steps);
  } else {
    granted.steps.push_back(State::kReconnecting);  // it waits already: a new owner, no new state
  }
  next.has_backend = next.has_backend || claim.has_backend;
  const auto position = position_of(claim, next, record ? record->generation : 0);
  decision.trim = joined(decision.trim, take_position(next, position, context.tick, granted));
  go_through(next, claim.through, because(context, Reason::kStep), decision.steps);
  next.changed_tick = context.tick;

  granted.state = next.state;
  for (std::size_t i = own_steps; i < decision.steps.size(); ++i) {
    granted.steps.push_back(decision.steps[i].to);
  }
  decision.answer = std::move(granted);
  decision.record = std::move(next);
  return decision;
}

Decision decide_abandon(const Record& record, const Abandon& abandon, const Context& context) {
  const bool current =
      record.claim_id == abandon.claim_id && is_owner(record, abandon.gateway_id);
  if (!current && is_spent(record, abandon.claim_id)) return {.answer = Settled{}};
  Record next = record;
  Decision decision;
  decision.answer = Settled{};
  spend_claim_id(next, abandon.claim_id);
  if (current) {
    const Cause cause{Actor::kClient, Reason::kAbandoned, context.tick, context.time_unix_ms};
    decision.trim = let_go(next, cause, decision.steps);
  }
  decision.record = std::move(next);
  return decision;
}

}  // namespace interlock
