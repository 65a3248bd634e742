// Agent runs: their numbers, their places in the record, and the state that follows them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> run_names(const OneKey& key) {
  std::vector<std::string> names;
  for (const Run& run : key.now().runs) names.push_back(run.name);
  return names;
}

// Sixteen open runs, "run 1" to "run 16".
OneKey all_runs_open() {
  OneKey key = key_in(kProcessingReady);
  for (int i = 1; i <= 16; ++i) key.ask(opens("run " + std::to_string(i)));
  return key;
}

TEST(PublishRuns, TheEventsOfARunAreNumberedFromOne) {
  OneKey key = key_in(kProcessingReady);
  EXPECT_EQ(answered<Receipt>(key.ask(opens("run"))).sequence, 1u);
  key.ask(event_outside("in between"));
  key.context.tick = 555;
  EXPECT_EQ(answered<Receipt>(key.ask(event_of("run", 2))).sequence, 3u);
  EXPECT_EQ(answered<Receipt>(key.ask(event_of("run", 3))).sequence, 4u);
  ASSERT_THAT(key.now().runs, SizeIs(1));
  EXPECT_EQ(key.now().runs[0].last_number, 3u);
  EXPECT_EQ(key.now().runs[0].last_sequence, 4u);
  EXPECT_EQ(key.now().runs[0].tick, 555u);
}

TEST(PublishRuns, TheLastNumberAgainHasItsReceiptAgain) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("run"));
  const Receipt first = answered<Receipt>(key.ask(event_of("run", 2)));
  key.ask(event_outside("in between"));
  const Receipt again = answered<Receipt>(key.ask(event_of("run", 2)));
  EXPECT_EQ(again.sequence, first.sequence);
  EXPECT_TRUE(again.repeated);
  EXPECT_FALSE(key.wrote());
}

TEST(PublishRuns, ALowerNumberWasAcceptedAlready) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("run"));
  key.ask(event_of("run", 2));
  key.ask(event_of("run", 3));
  const AlreadyAccepted accepted = refused<AlreadyAccepted>(key.ask(event_of("run", 1)));
  EXPECT_EQ(accepted.last_number, 3u);
  EXPECT_EQ(accepted.last_sequence, 3u);
  EXPECT_FALSE(key.wrote());
}

TEST(PublishRuns, ANumberThatSkipsLearnsTheLastOne) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("run"));
  key.ask(event_of("run", 2));
  EXPECT_EQ(refused<OutOfOrder>(key.ask(event_of("run", 4))).last_number, 2u);
  EXPECT_FALSE(key.wrote());
  answered<Receipt>(key.ask(event_of("run", 3)));
}

TEST(PublishRuns, AnUnknownRunDoesNotBeginInTheMiddle) {
  OneKey key = key_in(kProcessingReady);
  refused<UnknownRun>(key.ask(event_of("run", 2)));
  refused<UnknownRun>(key.ask(ends("run", 7)));
  EXPECT_THAT(key.now().runs, IsEmpty());
}

TEST(PublishRuns, ARunKeepsItsPlaceAcrossMachinesUntilItsSequenceEnds) {
  OneKey key = key_in(kProcessing);
  key.ask(by_owner(key, {fail()}));
  key.ask(claim_by(kThere, "newer", kProcessingReady));
  answered<Receipt>(key.ask(event_of("run", 2)));
  key.ask(by_owner(key, {close()}));
  key.ask(claim_by(kThere, "newest", kProcessingReady));
  refused<UnknownRun>(key.ask(event_of("run", 3)));
}

// ---- the state follows the runs ----

TEST(PublishRuns, OpeningTheFirstAndEndingTheLastMoveTheState) {
  for (State resting : {kProcessingReady, kIdle}) {
    OneKey key = key_in(resting);
    EXPECT_EQ(answered<Receipt>(key.ask(opens("a"))).state, kProcessing);
    EXPECT_THAT(key.written(), ElementsAre(kProcessing));
    EXPECT_EQ(key.decision.steps[0].actor, Actor::kBackend);
    EXPECT_EQ(key.decision.steps[0].reason, Reason::kRunOpened);
    key.ask(opens("b"));
    EXPECT_THAT(key.written(), IsEmpty());
    EXPECT_EQ(answered<Receipt>(key.ask(ends("a"))).state, kProcessing) << "one is still open";
    EXPECT_EQ(answered<Receipt>(key.ask(ends("b"))).state, kProcessingReady);
    EXPECT_EQ(key.decision.steps.at(0).reason, Reason::kRunsEnded);
  }
}

TEST(PublishRuns, TheStateDoesNotFollowWhereNothingIsProcessed) {
  for (State state : {kConnecting, kServicesReady, kDegraded, kReconnecting, kClosing, kFailed}) {
    SCOPED_TRACE(name_of(state));
    OneKey key = key_in(state);
    EXPECT_EQ(answered<Receipt>(key.ask(opens("run"))).state, state);
    EXPECT_EQ(open_runs(key.now()), 1u);
    EXPECT_EQ(answered<Receipt>(key.ask(ends("run"))).state, state);
    EXPECT_EQ(open_runs(key.now()), 0u);
    EXPECT_THAT(key.written(), IsEmpty());
  }
}

TEST(PublishRuns, OnlyAgentStartedOpensAndOnlyAgentCompletedEnds) {
  OneKey key = key_in(kProcessingReady);
  key.ask(event_of("run", 1, "queued"));
  EXPECT_EQ(key.now().state, kProcessingReady);
  key.ask(event_of("run", 2, "agent_started"));
  EXPECT_EQ(key.now().state, kProcessing);
  key.ask(event_of("run", 3, "tool_completed"));
  EXPECT_EQ(key.now().state, kProcessing);
  key.ask(event_of("run", 4, "agent_completed"));
  EXPECT_EQ(key.now().state, kProcessingReady);
}

TEST(PublishRuns, ARepeatedOpeningOrEndingMovesNothing) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("run"));
  key.ask(opens("run"));
  EXPECT_FALSE(key.wrote());
  key.ask(ends("run"));
  key.ask(ends("run"));
  EXPECT_FALSE(key.wrote());
  EXPECT_EQ(key.now().state, kProcessingReady);
}

TEST(PublishRuns, TheReceiptOfAnEndedRunsLastEventIsKept) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("run"));
  const Receipt first = answered<Receipt>(key.ask(ends("run")));
  EXPECT_EQ(answered<Receipt>(key.ask(ends("run"))).sequence, first.sequence);
  EXPECT_EQ(refused<OutOfOrder>(key.ask(event_of("run", 9))).last_number, 2u);
}

TEST(PublishRuns, RunAfterRunIsOneEntryOfTheHistory) {
  OneKey key = key_in(kProcessingReady);
  const std::size_t before = key.now().transitions.size();
  for (int i = 0; i < 50; ++i) {
    const std::string run = "run " + std::to_string(i);
    key.ask(opens(run));
    key.ask(ends(run));
  }
  ASSERT_THAT(key.now().transitions, SizeIs(before + 2));
  EXPECT_EQ(key.now().transitions[before].count, 50u);
  EXPECT_EQ(key.now().transitions_total, before + 100);
}

// ---- sixteen places ----

TEST(PublishRuns, WithSixteenOpenNoOtherBegins) {
  OneKey key = all_runs_open();
  const Record before = key.now();
  const ResourceExhausted full = refused<ResourceExhausted>(key.ask(opens("run 17")));
  EXPECT_EQ(full.limit, "open_runs_max");
  EXPECT_EQ(full.value, 16u);
  EXPECT_EQ(key.now(), before);
  EXPECT_FALSE(key.decision.put.has_value());
  answered<Receipt>(key.ask(event_of("run 1", 2)));  // the open ones go on
}

TEST(PublishRuns, TheOneThatEndedFirstGivesItsPlace) {
  OneKey key = all_runs_open();
  key.ask(ends("run 9"));
  key.ask(ends("run 3"));
  answered<Receipt>(key.ask(opens("run 17")));
  EXPECT_THAT(run_names(key), testing::Not(testing::Contains("run 9")));
  EXPECT_THAT(run_names(key), testing::Contains("run 3"));
  answered<Receipt>(key.ask(opens("run 18")));
  EXPECT_THAT(run_names(key), testing::Not(testing::Contains("run 3")));
  EXPECT_THAT(key.now().runs, SizeIs(16));
  refused<UnknownRun>(key.ask(event_of("run 9", 3)));
  refused<ResourceExhausted>(key.ask(opens("run 19")));
}

TEST(PublishRuns, ARunThatEndedWithoutEverOpeningWaitsItsTurn) {
  OneKey key = key_in(kProcessingReady);
  for (int i = 1; i <= 15; ++i) {
    key.ask(opens("run " + std::to_string(i)));
    if (i == 1) key.ask(ends("run 1"));
  }
  key.ask(event_of("late", 1, "agent_completed"));
  key.ask(opens("run 17"));
  EXPECT_THAT(run_names(key), testing::Contains("late"));
  EXPECT_THAT(run_names(key), testing::Not(testing::Contains("run 1")));
}

}  // namespace
}  // namespace interlock
