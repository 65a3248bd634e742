#include "tests/coordinator/authority/witness.h"

#include <gtest/gtest.h>

#include "tests/coordinator/authority/design_table.h"
#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

bool machine_starts(const Transition& step) {
  return step.from == State::kConnecting && step.to == State::kConnecting;
}

}  // namespace

void Witness::saw(const Step& step, const Context& context) {
  owner_lived_ = context.owner_lives;
  if (!step.wrote()) {
    EXPECT_EQ(step.after, step.before);
    EXPECT_FALSE(step.decision.put.has_value() || step.decision.trim.has_value());
    EXPECT_TRUE(step.decision.steps.empty());
    return;
  }
  EXPECT_FALSE(std::holds_alternative<Refusal>(step.decision.answer)) << "a refusal writes nothing";
  only_the_owner_of_the_present_generation_acts(step);
  a_grant_begins_anew_and_ends_the_one_before(step);
  abandoning_touches_its_own_grant_only(step);
  no_older_attempt_wins_from_an_owner(step);
  a_position_counts_in_its_own_life_only(step);
  an_event_is_accepted_once(step);
  generation_rises_with_each_grant_and_only_then(step);
  only_legal_steps_lead_from_before_to_after(step);
  only_a_claim_gives_an_owner(step);
  outbox_has_no_gap(step);
  refused_operations_take_their_number_only(step);
  deadlines_restart_with_state_and_owner_only(step);
  if (step.after) record_is_sound(*step.after);
}

void Witness::generation_rises_with_each_grant_and_only_then(const Step& step) {
  if (step.new_grant()) {
    EXPECT_GT(step.after->generation, newest_);
    EXPECT_EQ(step.granted()->generation, step.after->generation);
    newest_ = step.after->generation;
    const Claim& claim = std::get<Claim>(step.command);
    EXPECT_TRUE(granted_ids_.emplace(claim.claim_id, newest_).second || forgotten_ids(step))
        << "a claim id was granted twice";
  } else if (step.before && step.after) {
    EXPECT_EQ(step.after->generation, step.before->generation);
  }
}

// Eight are kept in the record, and none when it was forgotten.
bool Witness::forgotten_ids(const Step& step) {
  const std::string& id = std::get<Claim>(step.command).claim_id;
  granted_ids_[id] = newest_;
  return !step.before || (!is_spent(*step.before, id) && step.before->claim_id != id);
}

void Witness::only_the_owner_of_the_present_generation_acts(const Step& step) {
  if (const auto* operate = std::get_if<Operate>(&step.command)) {
    EXPECT_EQ(operate->generation, step.before->generation);
    EXPECT_EQ(operate->gateway_id, step.before->owner);
  } else if (const auto* acknowledge = std::get_if<Acknowledge>(&step.command)) {
    EXPECT_EQ(acknowledge->generation, step.before->generation);
    EXPECT_EQ(acknowledge->gateway_id, step.before->owner);
  } else if (const auto* forget = std::get_if<Forget>(&step.command)) {
    EXPECT_EQ(forget->generation, step.before->generation);
    EXPECT_TRUE(is_final(step.before->state));
  }
}

void Witness::a_grant_begins_anew_and_ends_the_one_before(const Step& step) {
  if (!step.new_grant()) return;
  EXPECT_EQ(step.after->last_op, 0u);
  EXPECT_EQ(step.after->claim_id, std::get<Claim>(step.command).claim_id);
  if (step.before) EXPECT_TRUE(is_spent(*step.after, step.before->claim_id));
}

void Witness::abandoning_touches_its_own_grant_only(const Step& step) {
  const auto* abandon = std::get_if<Abandon>(&step.command);
  if (abandon == nullptr) return;
  EXPECT_TRUE(is_spent(*step.after, abandon->claim_id));
  if (step.after->owner == step.before->owner) return;
  EXPECT_EQ(abandon->claim_id, step.before->claim_id);
  EXPECT_EQ(abandon->gateway_id, step.before->owner);
}

void Witness::no_older_attempt_wins_from_an_owner(const Step& step) {
  if (!step.new_grant() || !step.before || step.before->owner.empty()) return;
  const Claim& claim = std::get<Claim>(step.command);
  const std::optional<Attempt>& holder = step.before->attempt;
  const Generation current = step.before->generation;
  const bool newer = claim.attempt && claim.attempt->generation == current;
  const bool compared = claim.attempt && claim.attempt->generation < current && holder &&
                        holder->generation < current;
  if (compared) EXPECT_GT(*claim.attempt, *holder);
  if (claim.policy == Policy::kReject && owner_lived_) EXPECT_TRUE(newer || compared);
}

void Witness::a_position_counts_in_its_own_life_only(const Step& step) {
  if (!step.new_grant() || !step.before) return;
  const auto& position = std::get<Claim>(step.command).position;
  if (!step.granted()->resumed) {
    if (step.after->sequence_since == step.before->sequence_since) {
      EXPECT_EQ(step.after->acknowledged, step.before->acknowledged);
    }
    return;
  }
  EXPECT_GE(position->generation, step.after->sequence_since);
  EXPECT_LE(position->generation, step.before->generation);
  EXPECT_GE(position->last_sequence, step.before->acknowledged);
  EXPECT_LE(position->last_sequence, step.after->last_sequence);
  EXPECT_EQ(step.after->acknowledged, position->last_sequence);
  EXPECT_EQ(step.granted()->next_sequence, position->last_sequence + 1);
}

void Witness::an_event_is_accepted_once(const Step& step) {
  if (!step.decision.put) return;
  const Publish& publish = std::get<Publish>(step.command);
  EXPECT_NE(step.before->state, State::kClosed);
  for (const PublishKey& known : step.before->publish_keys) {
    if (publish.run.empty()) EXPECT_NE(known.key, publish.idempotency_key);
  }
  if (publish.run.empty()) return;
  std::uint64_t expected = 1;
  for (const Run& run : step.before->runs) {
    if (run.name == publish.run) expected = run.last_number + 1;
  }
  EXPECT_EQ(publish.number, expected);
}

void Witness::only_legal_steps_lead_from_before_to_after(const Step& step) {
  std::optional<State> state;
  if (step.before) state = step.before->state;
  for (const Transition& next : step.decision.steps) {
    if (machine_starts(next)) {
      EXPECT_TRUE(!state || is_final(*state)) << "a machine starts where another one goes on";
    } else {
      EXPECT_EQ(state, next.from);
      EXPECT_TRUE(design_allows(next.from, next.to)) << testing::PrintToString(next);
    }
    state = next.to;
  }
  if (step.after) EXPECT_EQ(state, step.after->state);
}

void Witness::only_a_claim_gives_an_owner(const Step& step) {
  if (step.before && step.after) EXPECT_EQ(step.after->subject, step.before->subject);
  if (!step.after || step.after->owner.empty()) return;
  if (step.new_grant()) {
    EXPECT_EQ(step.after->owner, std::get<Claim>(step.command).gateway_id);
  } else {
    EXPECT_EQ(step.after->owner, step.before->owner);
  }
}

// The shadow of the store's attachments: trimmed, then put.
void Witness::outbox_has_no_gap(const Step& step) {
  const bool new_life =
      step.after && (!step.before || step.after->sequence_since != step.before->sequence_since);
  if (step.before && step.after && !new_life) {
    EXPECT_GE(step.after->acknowledged, step.before->acknowledged);
  }
  if (step.decision.trim) {
    const auto [first, last] = *step.decision.trim;
    EXPECT_LE(first, last);
    outbox_.erase(outbox_.lower_bound(first), outbox_.upper_bound(last));
  }
  if (!step.after) {
    outbox_.clear();
    return;
  }
  if (new_life) {
    EXPECT_TRUE(outbox_.empty()) << "events of an earlier life stay behind";
    EXPECT_EQ(step.after->last_sequence, 0u);
    EXPECT_EQ(step.after->sequence_since, step.after->generation);
  } else {
    EXPECT_EQ(step.after->last_sequence, step.before->last_sequence + (step.decision.put ? 1 : 0));
  }
  if (step.decision.put) {
    EXPECT_EQ(step.decision.put->sequence, step.after->last_sequence);
    outbox_[step.decision.put->sequence] = step.decision.put->payload.size();
  }
  const bool ended = step.after->state == State::kClosed;
  const std::uint64_t held = ended ? 0 : step.after->last_sequence - step.after->acknowledged;
  ASSERT_EQ(outbox_.size(), held);
  ASSERT_EQ(step.after->outbox_sizes.size(), held);
  Sequence expected = step.after->acknowledged;
  std::size_t i = 0;
  for (const auto& [sequence, bytes] : outbox_) {
    EXPECT_EQ(sequence, ++expected);
    EXPECT_EQ(step.after->outbox_sizes[i++], bytes);
  }
}

void Witness::refused_operations_take_their_number_only(const Step& step) {
  const auto* done = std::get_if<Done>(&step.decision.answer);
  if (done == nullptr) return;
  const auto& operations = std::get<Operate>(step.command).operations;
  EXPECT_EQ(step.after->last_op, operations.back().op);
  const std::size_t decided = step.after->last_op - step.before->last_op;
  if (done->refused.size() < decided) return;
  Record expected = *step.before;
  expected.last_op = step.after->last_op;
  expected.acknowledged = step.after->acknowledged;  // rides along whatever becomes of the rest
  expected.outbox_sizes = step.after->outbox_sizes;
  expected.outbox_since_tick = step.after->outbox_since_tick;
  expected.timed = step.after->timed;
  expected.expired = step.after->expired;
  expected.expired_forgotten = step.after->expired_forgotten;
  EXPECT_EQ(*step.after, expected);
}

void Witness::deadlines_restart_with_state_and_owner_only(const Step& step) {
  if (!step.before || !step.after || step.new_grant()) return;
  if (step.decision.steps.empty() && step.after->owner == step.before->owner) {
    EXPECT_EQ(step.after->changed_tick, step.before->changed_tick);
  }
}

void Witness::record_is_sound(const Record& record) {
  EXPECT_LE(record.acknowledged, record.last_sequence);
  EXPECT_LE(record.sequence_since, record.generation);
  EXPECT_LE(record.generation, newest_);
  const bool waits = record.state == State::kReconnecting;
  if (!waits) EXPECT_EQ(record.owner.empty(), is_final(record.state));
  // Nothing counts runs, so nothing drifts.
  if (record.state == State::kProcessing) EXPECT_GT(open_runs(record), 0u);
  if (record.state == State::kProcessingReady || record.state == State::kIdle) {
    EXPECT_EQ(open_runs(record), 0u);
  }
  EXPECT_LE(record.runs.size(), kRunsMax);
  EXPECT_LE(record.publish_keys.size(), kPublishKeysMax);
  EXPECT_LE(record.spent_claim_ids.size(), kSpentClaimIdsMax);
  EXPECT_LE(outbox_events(record), record.state == State::kClosed ? ~0ull : kEventsMax);
  history_is_a_chain(record);
}

void Witness::history_is_a_chain(const Record& record) {
  ASSERT_FALSE(record.transitions.empty());
  EXPECT_LE(record.transitions.size(), kTransitionsMax);
  EXPECT_GE(record.transitions_total, record.transitions.size());
  for (std::size_t i = 1; i < record.transitions.size(); ++i) {
    const Transition& entry = record.transitions[i];
    const Transition& before = record.transitions[i - 1];
    EXPECT_TRUE(machine_starts(entry) || entry.from == before.to) << testing::PrintToString(record);
    EXPECT_GE(entry.generation, before.generation);
  }
  EXPECT_EQ(record.transitions.back().to, record.state);
}

}  // namespace interlock
