// How agent runs end: by their backend, in silence, or with the sequence; and what is said of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "coordinator/authority/runs.h"
#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Tick kSilence = 600;

const Record* present(const OneKey& key) { return key.record ? &*key.record : nullptr; }

// "run complete" or "run incomplete", for each that the command ended.
std::vector<std::string> ended_by(OneKey& key, const Command& command) {
  const Record before = key.now();
  key.ask(command);
  std::vector<std::string> said;
  for (const RunEnded& run : ended_runs(before, present(key))) {
    said.push_back(run.name + (run.complete ? " complete" : " incomplete"));
  }
  return said;
}

Acknowledge acknowledgement(const OneKey& key, Sequence sequence) {
  return {key.now().owner, key.now().generation, sequence};
}

Sweep seen_now(OneKey& key) {
  key.context.revision = 77;
  return {.seen = 77};
}

TEST(RunEnds, ARunIsCompleteWhenItsLastEventIsAcknowledged) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("run"));
  EXPECT_THAT(ended_by(key, ends("run")), IsEmpty());
  EXPECT_THAT(ended_by(key, acknowledgement(key, 1)), IsEmpty());
  EXPECT_THAT(ended_by(key, acknowledgement(key, 2)), ElementsAre("run complete"));
  EXPECT_THAT(ended_by(key, by_owner(key, {close()})), IsEmpty()) << "it is said once";
}

TEST(RunEnds, WhichOfTheFiveKindsCameIsKept) {
  OneKey key = key_in(kProcessingReady);
  std::uint64_t number = 0;
  for (const std::string_view type : kAgentEvents) {
    key.ask(event_of("run", ++number, std::string(type)));
    EXPECT_EQ(key.now().runs[0].kinds, (1u << number) - 1);
  }
  const Record before = key.now();
  key.ask(acknowledgement(key, 5));
  ASSERT_EQ(ended_runs(before, present(key)).size(), 1u);
  EXPECT_EQ(ended_runs(before, present(key))[0].kinds, 31u);
}

TEST(RunEnds, ARunThatFallsSilentEndsIncompleteAndTheStateMoves) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("run"));
  ASSERT_EQ(key.now().state, kProcessing);
  const Tick due = key.context.tick + 1 + kSilence;
  EXPECT_EQ(due_tick(key.now(), {}), due);
  key.context.tick = due - 1;
  EXPECT_THAT(ended_by(key, seen_now(key)), IsEmpty());
  EXPECT_FALSE(key.wrote());
  key.context.tick = due;
  EXPECT_THAT(ended_by(key, seen_now(key)), ElementsAre("run incomplete"));
  EXPECT_THAT(key.written(), ElementsAre(kProcessingReady));
  EXPECT_EQ(due_tick(key.now(), {}), std::nullopt);
  // Its backend may still say what it has to say: nothing is lost, and nothing is counted twice.
  EXPECT_EQ(answered<Receipt>(key.ask(ends("run"))).state, kProcessingReady);
  EXPECT_THAT(ended_by(key, acknowledgement(key, 2)), IsEmpty());
}

TEST(RunEnds, OnlyTheSilentOneOfTwoEnds) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("old"));
  key.context.tick += 10;
  key.ask(opens("young"));
  key.context.tick += kSilence - 5;
  EXPECT_THAT(ended_by(key, seen_now(key)), ElementsAre("old incomplete"));
  EXPECT_EQ(key.now().state, kProcessing);
}

TEST(RunEnds, WhatClosesLeavesOpenAndUnseenRunsIncomplete) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("open"));
  key.ask(opens("ended"));
  key.ask(ends("ended"));
  key.ask(event_of("no agent's", 1, "note"));
  EXPECT_THAT(ended_by(key, by_owner(key, {close()})),
              ElementsAre("open incomplete", "ended incomplete"));
}

TEST(RunEnds, TheLastAcknowledgementMayComeWithTheClose) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("run"));
  key.ask(ends("run"));
  Operate last = by_owner(key, {close()});
  last.acknowledged = 2;
  EXPECT_THAT(ended_by(key, last), ElementsAre("run complete"));
}

TEST(RunEnds, FailedPassesThemOn) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("run"));
  EXPECT_THAT(ended_by(key, by_owner(key, {fail()})), IsEmpty());
  EXPECT_THAT(ended_by(key, claim_by(kThere, "next", kProcessingReady)), IsEmpty());
  key.ask(ends("run"));
  EXPECT_THAT(ended_by(key, acknowledgement(key, 2)), ElementsAre("run complete"));
}

TEST(RunEnds, ARecordThatIsForgottenLeavesThemIncomplete) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("run"));
  key.ask(by_owner(key, {fail()}));
  EXPECT_THAT(ended_by(key, Forget{key.now().generation}), ElementsAre("run incomplete"));
}

}  // namespace
}  // namespace interlock
