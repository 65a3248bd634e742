#include "coordinator/authority/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const Cause kCause{Actor::kOwner, Reason::kStep, 7, 1'700'000'000'123};

// A record whose machine was started in generation 5 and brought to PROCESSING_READY.
Record ready_record() {
  Record record;
  record.generation = 5;
  std::vector<Transition> steps;
  start_machine(record, kCause, steps);
  for (State to : {kAccepted, kAuthenticated, kServicesReady, kProcessingReady}) {
    enter(record, to, kCause, steps);
  }
  return record;
}

void one_run(Record& record, Tick tick = 7) {
  std::vector<Transition> steps;
  enter(record, kProcessing, {Actor::kBackend, Reason::kRunOpened, tick, 0}, steps);
  enter(record, kProcessingReady, {Actor::kBackend, Reason::kRunsEnded, tick, 0}, steps);
}

TEST(Machine, EnteringAStateWritesWhoWhyAndWhen) {
  Record record;
  record.generation = 5;
  std::vector<Transition> steps;
  enter(record, kAccepted, kCause, steps);

  const Transition expected{.from = kConnecting,
                            .to = kAccepted,
                            .actor = Actor::kOwner,
                            .reason = Reason::kStep,
                            .generation = 5,
                            .tick = 7,
                            .time_unix_ms = 1'700'000'000'123};
  EXPECT_EQ(record.state, kAccepted);
  EXPECT_EQ(record.changed_tick, 7u);
  EXPECT_EQ(record.transitions_total, 1u);
  EXPECT_THAT(record.transitions, ElementsAre(expected));
  EXPECT_THAT(steps, ElementsAre(expected));
}

TEST(Machine, AMachineThatHasBeenOperationalIsRememberedAsSuchUntilTheNextOneStarts) {
  Record record = ready_record();
  EXPECT_TRUE(record.operational);
  std::vector<Transition> steps;
  enter(record, kReconnecting, kCause, steps);
  EXPECT_TRUE(record.operational);
  enter(record, kFailed, kCause, steps);
  start_machine(record, kCause, steps);
  EXPECT_FALSE(record.operational);
  EXPECT_EQ(record.state, kConnecting);
  EXPECT_EQ(steps.back().from, kConnecting);
  EXPECT_EQ(steps.back().to, kConnecting);
}

TEST(Machine, TheHistoryKeepsTheLastSixteenAndCountsThemAll) {
  Record record = ready_record();  // five entries
  std::vector<Transition> steps;
  for (int i = 0; i < 10; ++i) {
    enter(record, kIdle, kCause, steps);
    enter(record, kProcessingReady, kCause, steps);
  }
  EXPECT_THAT(record.transitions, SizeIs(16));
  EXPECT_EQ(record.transitions_total, 25u);
  EXPECT_EQ(record.transitions.front().to, kIdle);
  EXPECT_EQ(record.transitions.back().to, kProcessingReady);
}

TEST(Machine, RunAfterRunSharesOneHistoryEntryWithACount) {
  Record record = ready_record();
  one_run(record);
  EXPECT_THAT(record.transitions, SizeIs(7));
  for (Tick tick = 8; tick < 108; ++tick) one_run(record, tick);

  ASSERT_THAT(record.transitions, SizeIs(7));
  const Transition& into = record.transitions[5];
  const Transition& back = record.transitions[6];
  EXPECT_EQ(into.to, kProcessing);
  EXPECT_EQ(into.count, 101u);
  EXPECT_EQ(into.tick, 107u) << "of the last one";
  EXPECT_EQ(back.to, kProcessingReady);
  EXPECT_EQ(back.count, 1u);
  EXPECT_EQ(record.transitions_total, 5u + 2 * 101u);
}

TEST(Machine, WhoFollowsTheStepsIsToldOfEachOneAllTheSame) {
  Record record = ready_record();
  for (int i = 0; i < 3; ++i) one_run(record);
  std::vector<Transition> steps;
  enter(record, kProcessing, kCause, steps);
  ASSERT_THAT(steps, SizeIs(1));
  EXPECT_EQ(steps[0].count, 1u);
  EXPECT_EQ(record.transitions.back().count, 4u);
}

TEST(Machine, SomethingInBetweenEndsTheSharedEntry) {
  Record record = ready_record();
  for (int i = 0; i < 3; ++i) one_run(record);
  std::vector<Transition> steps;
  enter(record, kIdle, kCause, steps);
  enter(record, kProcessing, kCause, steps);
  enter(record, kProcessingReady, kCause, steps);
  one_run(record);
  EXPECT_THAT(record.transitions, SizeIs(5 + 2 + 1 + 2 + 2));
  EXPECT_EQ(record.transitions.back().count, 1u);
}

TEST(Machine, AnotherGenerationsRunsHaveAnEntryOfTheirOwn) {
  Record record = ready_record();
  one_run(record);
  record.generation = 6;
  one_run(record);
  EXPECT_THAT(record.transitions, SizeIs(9));
  one_run(record);
  EXPECT_THAT(record.transitions, SizeIs(9));
  EXPECT_EQ(record.transitions[5].count, 1u);
  EXPECT_EQ(record.transitions[7].count, 2u);
}

TEST(Machine, ASharedEntryKeepsWhatANewerBuildWroteIntoIt) {
  Record record = ready_record();
  one_run(record);
  record.transitions[5].unknown = "newer";
  one_run(record);
  EXPECT_EQ(record.transitions[5].unknown, "newer");
}

TEST(Machine, TheLastEightSpentClaimIdsAreKept) {
  Record record;
  for (char id = 'a'; id <= 'j'; ++id) spend_claim_id(record, std::string(1, id));
  EXPECT_THAT(record.spent_claim_ids, ElementsAre("c", "d", "e", "f", "g", "h", "i", "j"));
  EXPECT_FALSE(is_spent(record, "b"));
  EXPECT_TRUE(is_spent(record, "c"));
}

TEST(Machine, AClaimIdIsSpentOnceAndNoClaimIdNever) {
  Record record;
  spend_claim_id(record, "a");
  spend_claim_id(record, "a");
  spend_claim_id(record, "");
  EXPECT_THAT(record.spent_claim_ids, ElementsAre("a"));
}

TEST(Machine, CountsOpenRunsAndTheBytesOfTheOutbox) {
  Record record;
  EXPECT_EQ(open_runs(record), 0u);
  EXPECT_EQ(outbox_bytes(record), 0u);
  record.runs = {{.name = "a", .open = true}, {.name = "b"}, {.name = "c", .open = true}};
  record.outbox_sizes = {10, 20, 4'000'000'000u, 4'000'000'000u};
  record.last_sequence = 9;
  record.acknowledged = 5;
  EXPECT_EQ(open_runs(record), 2u);
  EXPECT_EQ(outbox_bytes(record), 8'000'000'030u);
  EXPECT_EQ(outbox_events(record), 4u);
}

TEST(Machine, TheCommitGivesItsNumberToWhatWasWaitingForIt) {
  Record record = ready_record();
  record.generation = record.sequence_since = record.closed_pending = kThisCommit;
  record.kick = Kick{.code = 4502, .generation = kThisCommit};
  std::vector<Transition> steps;
  enter(record, kIdle, kCause, steps);
  spell_out(record, 77);
  EXPECT_EQ(record.generation, 77u);
  EXPECT_EQ(record.sequence_since, 77u);
  EXPECT_EQ(record.closed_pending, 77u);
  EXPECT_EQ(record.kick->generation, 77u);
  EXPECT_EQ(record.transitions.back().generation, 77u);
  EXPECT_EQ(record.transitions.front().generation, 5u);
}

TEST(Machine, ALaterCommitChangesNoNumberThatStands) {
  Record record = ready_record();
  record.sequence_since = 4;
  const Record before = record;
  spell_out(record, 99);
  EXPECT_EQ(record, before);
}

}  // namespace
}  // namespace interlock
