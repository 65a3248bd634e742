// Kick and ForceRelease.
#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Steer kick(Generation generation, bool may_return) {
  return {.kind = Steer::Kind::kKick,
          .generation = generation,
          .code = may_return ? 4006u : 4502u,
          .may_return = may_return,
          .note = "olga: spam"};
}

Steer release(Generation generation) {
  return {.kind = Steer::Kind::kRelease, .generation = generation, .note = "olga: gateway stuck"};
}

Answer claimed(OneKey& key, const std::string& id, State through = State::kProcessingReady) {
  return key.ask(claim_by(kHere, id, through));
}

template <class Kind>
bool refused_with(const Answer& answer) {
  const auto* refusal = std::get_if<Refusal>(&answer);
  return refusal != nullptr && std::holds_alternative<Kind>(*refusal);
}

TEST(Kick, ForGoodEndsTheMachineAndSaysWhoAndWhy) {
  OneKey key;
  claimed(key, "a");
  const Answer answer = key.ask(kick(key.now().generation, false));
  EXPECT_TRUE(std::holds_alternative<Settled>(answer)) << describe(answer);
  EXPECT_THAT(key.written(), ElementsAre(State::kClosed));
  EXPECT_EQ(key.now().owner, "");
  const Transition& last = key.now().transitions.back();
  EXPECT_EQ(last.actor, Actor::kAdmin);
  EXPECT_EQ(last.reason, Reason::kKicked);
  EXPECT_EQ(last.note, "olga: spam");
  ASSERT_TRUE(key.now().kick.has_value());
  EXPECT_EQ(key.now().kick->code, 4502u);
}

TEST(Kick, ForGoodKeepsItsClientOutWhileTheRecordIsKept) {
  OneKey key;
  claimed(key, "a");
  key.ask(kick(key.now().generation, false));
  EXPECT_TRUE(refused_with<PermissionDenied>(claimed(key, "b")));
  EXPECT_FALSE(key.wrote());
  // Once more for good changes nothing; one that lets it return does.
  EXPECT_TRUE(std::holds_alternative<Settled>(key.ask(kick(key.now().generation, false))));
  EXPECT_FALSE(key.wrote());
  EXPECT_TRUE(std::holds_alternative<Settled>(key.ask(kick(key.now().generation, true))));
  EXPECT_TRUE(std::holds_alternative<Granted>(claimed(key, "c")));
  EXPECT_FALSE(key.now().kick.has_value());
}

TEST(Kick, OneThatMayReturnLosesItsSocketOnly) {
  OneKey key;
  claimed(key, "a");
  const Generation before = key.now().generation;
  EXPECT_TRUE(std::holds_alternative<Settled>(key.ask(kick(before, true))));
  EXPECT_THAT(key.written(), ElementsAre(State::kReconnecting));
  EXPECT_EQ(key.now().owner, "");
  EXPECT_EQ(key.now().generation, before);
  EXPECT_EQ(key.now().kick->code, 4006u);
  // Nobody holds it any more: nothing is left to be kicked.
  EXPECT_TRUE(std::holds_alternative<Settled>(key.ask(kick(before, true))));
  EXPECT_FALSE(key.wrote());
  EXPECT_TRUE(std::holds_alternative<Granted>(claimed(key, "b")));
}

TEST(Kick, AnotherGenerationThanTheOneThatWasSeenIsRefused) {
  OneKey key;
  claimed(key, "a");
  const Generation seen = key.now().generation;
  key.ask(claim_by(kThere, "b", State::kProcessingReady));
  for (const Generation named : {seen, key.now().generation + 1}) {
    for (const Steer& steer : {kick(named, false), kick(named, true), release(named)}) {
      EXPECT_TRUE(refused_with<StaleGeneration>(key.ask(steer)));
      EXPECT_FALSE(key.wrote());
    }
  }
}

TEST(Kick, WhatHasEndedIsGoneAndWhatNeverWasIsNotFound) {
  OneKey key;
  EXPECT_TRUE(refused_with<NotFound>(key.ask(kick(1, false))));
  claimed(key, "a", State::kConnecting);
  EXPECT_TRUE(std::holds_alternative<Settled>(key.ask(release(key.now().generation))));
  EXPECT_EQ(key.now().state, State::kFailed) << "a setup that loses its owner has failed";
  EXPECT_TRUE(refused_with<Gone>(key.ask(kick(key.now().generation, false))));
  EXPECT_TRUE(refused_with<Gone>(key.ask(release(key.now().generation))));
}

TEST(Kick, OfAWaitingConnectionForGoodEndsItToo) {
  OneKey key;
  claimed(key, "a");
  key.ask(release(key.now().generation));
  ASSERT_EQ(key.now().state, State::kReconnecting);
  key.ask(kick(key.now().generation, false));
  EXPECT_EQ(key.now().state, State::kClosed);
}

TEST(Kick, ForGoodEndsTheSequence) {
  OneKey key;
  claimed(key, "a");
  Publish publish{.type = "note", .payload = "1", .run = {}, .idempotency_key = "k"};
  key.ask(publish);
  key.ask(kick(key.now().generation, false));
  EXPECT_EQ(trimmed(key), Range({1, 1}));
  EXPECT_THAT(key.now().outbox_sizes, IsEmpty());
}

TEST(ForceRelease, TakesTheOwnerAwayAndWhatItStillDoesIsRefused) {
  OneKey key;
  claimed(key, "a");
  const Generation generation = key.now().generation;
  EXPECT_TRUE(std::holds_alternative<Settled>(key.ask(release(generation))));
  EXPECT_EQ(key.now().state, State::kReconnecting);
  EXPECT_EQ(key.now().transitions.back().reason, Reason::kReleasedByForce);
  EXPECT_EQ(key.now().kick->code, 0u) << "its socket is closed with 4005";
  Operate operate{.gateway_id = kHere, .generation = generation};
  operate.operations.push_back({.op = 1, .kind = Operation::Kind::kAdvance, .to = State::kIdle});
  EXPECT_TRUE(refused_with<StaleGeneration>(key.ask(operate)));
}

}  // namespace
}  // namespace interlock
