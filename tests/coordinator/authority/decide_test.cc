#include "coordinator/authority/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;

TEST(Authority, AnUnknownKeyIsNotFoundAndNothingIsMadeUp) {
  const Operate operate{
      .gateway_id = kHere, .generation = 1, .operations = numbered(1, {detach()})};
  for (const Command& command : {Command{Abandon{kHere, "claim"}}, Command{operate},
                                 Command{Acknowledge{kHere, 1, 1}}, Command{event_outside("a")},
                                 Command{opens("run")}, Command{Forget{1}}, Command{Lookup{}}}) {
    OneKey key;
    refused<NotFound>(key.ask(command));
    EXPECT_FALSE(key.wrote()) << command.index();
    EXPECT_FALSE(key.record.has_value());
  }
}

TEST(Authority, ALookupShowsTheRecordAndWritesNothing) {
  OneKey key = key_in(kProcessing);
  const Record before = key.now();
  EXPECT_EQ(answered<Found>(key.ask(Lookup{})).record, before);
  EXPECT_FALSE(key.wrote());
}

TEST(Authority, OnlyWhatHasEndedIsForgotten) {
  for (State state : kStates) {
    SCOPED_TRACE(name_of(state));
    OneKey key = key_in(state);
    const Record before = key.now();
    const Answer answer = key.ask(Forget{before.generation});
    if (state == kClosed || state == kFailed) {
      answered<Settled>(answer);
      EXPECT_FALSE(key.record.has_value());
    } else {
      EXPECT_EQ(refused<IllegalTransition>(answer).current, state);
      EXPECT_EQ(key.now(), before);
    }
  }
  OneKey waiting = waiting_key();
  refused<IllegalTransition>(waiting.ask(Forget{waiting.now().generation}));
}

TEST(Authority, WhatHasBegunAgainSinceItWasSeenIsNotForgotten) {
  OneKey key = key_in(kClosed);
  const Forget late{key.now().generation};
  key.ask(claim_by(kThere, "newer"));
  key.ask(by_owner(key, {close()}));
  EXPECT_EQ(refused<StaleGeneration>(key.ask(late)).current, key.now().generation);
  EXPECT_EQ(key.now().state, kClosed);
  refused<StaleGeneration>(key.ask(Forget{key.now().generation + 1}));
}

TEST(Authority, AForgottenKeyBeginsAnewWithAHigherGeneration) {
  OneKey key = key_in(kClosed);
  const Generation before = key.now().generation;
  key.ask(Forget{before});
  const Granted granted = answered<Granted>(key.ask(claim_by(kHere, "claim")));
  EXPECT_GT(granted.generation, before);
  EXPECT_EQ(granted.sequence_since, granted.generation);
}

TEST(Authority, ARefusalWritesNothing) {
  for (State state : kStates) {
    OneKey key = key_in(state);
    Claim foreign = claim_by(kThere, "newer");
    foreign.subject = "mallory";
    Operate late = by_owner(key, {detach()});
    --late.generation;
    const std::vector<Command> refused_ones{
        foreign, late, Acknowledge{kThere, key.now().generation, 1}, event_of("unknown run", 5)};
    for (const Command& command : refused_ones) {
      const Answer answer = key.ask(command);
      EXPECT_TRUE(std::holds_alternative<Refusal>(answer)) << describe(answer);
      EXPECT_FALSE(key.wrote());
      EXPECT_FALSE(key.decision.put.has_value());
      EXPECT_FALSE(key.decision.trim.has_value());
      EXPECT_TRUE(key.decision.steps.empty());
    }
  }
}

// ---- answers that rest on a generation which their own commit makes ----

template <class What>
What spelled(What what) {
  Answer answer{std::move(what)};
  spell_out(answer, 77);
  return std::get<What>(answer);
}
template <class What>
What spelled_refusal(What what) {
  return refused<What>(Answer{spelled(Refusal{what})});
}

TEST(Authority, EveryAnswerLearnsTheGenerationOfItsCommit) {
  EXPECT_EQ(spelled(Granted{}).generation, 77u);
  EXPECT_EQ(spelled(Granted{}).sequence_since, 77u);
  EXPECT_EQ(spelled(Receipt{.sequence_since = kThisCommit}).sequence_since, 77u);
  EXPECT_EQ(spelled_refusal(Stale{kThisCommit}).current, 77u);
  EXPECT_EQ(spelled_refusal(StaleGeneration{kThisCommit}).current, 77u);
  EXPECT_EQ(spelled_refusal(AlreadyOwned{kThisCommit, 5}).current, 77u);
  EXPECT_EQ(spelled(Found{Record{}}).record.generation, 77u);

  Done done;
  done.refused.push_back({1, StaleGeneration{kThisCommit}});
  EXPECT_EQ(refused<StaleGeneration>(spelled(done).refused[0]).current, 77u);
}

TEST(Authority, AGenerationThatStandsIsNotSpelledOutAgain) {
  EXPECT_EQ(spelled(Granted{.generation = 5, .sequence_since = 4}).generation, 5u);
  EXPECT_EQ(spelled(Granted{.generation = 5, .sequence_since = 4}).sequence_since, 4u);
  EXPECT_EQ(spelled(Receipt{.sequence_since = 4}).sequence_since, 4u);
  EXPECT_EQ(spelled_refusal(Stale{5}).current, 5u);
}

TEST(Authority, WithinOneCommitAClaimIsAlreadyAboveEveryOlderGeneration) {
  OneKey key = key_in(kProcessingReady);
  const Operate late = by_owner(key, {detach()});
  const Decision claimed =
      decide(key.record, claim_by(kThere, "newer", kProcessingReady), key.context);
  const Decision refused_late = decide(claimed.record, late, key.context);
  EXPECT_EQ(refused<StaleGeneration>(refused_late.answer).current, kThisCommit);
  EXPECT_FALSE(refused_late.record.has_value());
  // The same claim, waiting twice for the same commit, is one grant.
  const Decision again =
      decide(claimed.record, claim_by(kThere, "newer", kProcessingReady), key.context);
  EXPECT_EQ(answered<Granted>(again.answer).generation, kThisCommit);
  EXPECT_FALSE(again.record.has_value());
}

}  // namespace
}  // namespace interlock
