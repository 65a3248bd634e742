// Who may act for a key: what a claim finds, and what it makes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;
using testing::SizeIs;

// The last entries of the history, newest last.
std::vector<Transition> latest(const OneKey& key, std::size_t count) {
  const std::vector<Transition>& history = key.now().transitions;
  return {history.end() - static_cast<std::ptrdiff_t>(count), history.end()};
}

TEST(Claim, OfAnUnknownKeyStartsAMachine) {
  OneKey key;
  const Granted granted = answered<Granted>(key.ask(claim_by(kHere, "claim")));
  EXPECT_EQ(granted.generation, key.revision);
  EXPECT_EQ(granted.state, kConnecting);
  EXPECT_THAT(granted.steps, ElementsAre(kConnecting));
  EXPECT_EQ(granted.sequence_since, granted.generation);
  EXPECT_EQ(granted.next_sequence, 1u);
  EXPECT_EQ(granted.last_sequence, 0u);
  EXPECT_FALSE(granted.resumed);
  EXPECT_FALSE(granted.position_lost);

  EXPECT_EQ(key.now().owner, kHere);
  EXPECT_EQ(key.now().subject, kAlice);
  EXPECT_EQ(key.now().claim_id, "claim");
  EXPECT_EQ(key.now().changed_tick, key.context.tick);
  ASSERT_THAT(key.now().transitions, SizeIs(1));
  EXPECT_EQ(key.now().transitions[0].actor, Actor::kClaimant);
  EXPECT_EQ(key.now().transitions[0].reason, Reason::kClaimed);
}

TEST(Claim, OfAMachineInSetupDisplacesItAndBothAreInTheHistory) {
  for (State state : {kConnecting, kAccepted, kAuthenticated, kServicesReady}) {
    SCOPED_TRACE(name_of(state));
    OneKey key = key_in(state);
    key.ask(event_outside("a"));
    const Record before = key.now();
    const Granted granted = answered<Granted>(key.ask(claim_by(kThere, "newer")));

    EXPECT_GT(granted.generation, before.generation);
    EXPECT_EQ(granted.state, kConnecting);
    EXPECT_THAT(granted.steps, ElementsAre(kConnecting)) << "what was written for the new owner";
    const std::vector<Transition> history = latest(key, 2);
    EXPECT_EQ(history[0].from, state);
    EXPECT_EQ(history[0].to, kFailed);
    EXPECT_EQ(history[0].reason, Reason::kDisplaced);
    EXPECT_EQ(history[0].generation, before.generation);
    EXPECT_EQ(history[1].to, kConnecting);
    EXPECT_EQ(history[1].generation, granted.generation);
    EXPECT_EQ(key.now().owner, kThere);
    EXPECT_EQ(key.now().last_sequence, 1u) << "FAILED passes the sequence on";
    EXPECT_EQ(granted.sequence_since, before.sequence_since);
    EXPECT_EQ(trimmed(key), Range());
  }
}

TEST(Claim, OfAClosingMachineClosesItAndTheNextOneHasASequenceOfItsOwn) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("run"));
  key.ask(event_outside("a"));
  key.ask(event_outside("b"));
  key.ask(Acknowledge{kHere, key.now().generation, 1});
  key.ask(by_owner(key, {advance(kClosing)}));

  const Granted granted = answered<Granted>(key.ask(claim_by(kThere, "newer", kProcessingReady)));
  const std::vector<Transition> history = latest(key, 6);
  EXPECT_EQ(history[0].from, kClosing);
  EXPECT_EQ(history[0].to, kClosed);
  EXPECT_EQ(history[0].reason, Reason::kDisplaced);
  EXPECT_EQ(history[1].to, kConnecting);
  EXPECT_EQ(granted.state, kProcessingReady) << "the run of the closed machine is over";
  EXPECT_EQ(trimmed(key), Range({2, 3}));
  EXPECT_EQ(granted.sequence_since, granted.generation);
  EXPECT_EQ(granted.next_sequence, 1u);
  EXPECT_EQ(granted.last_sequence, 0u);
  EXPECT_THAT(key.now().outbox_sizes, IsEmpty());
  EXPECT_THAT(key.now().runs, IsEmpty());
  EXPECT_EQ(answered<Receipt>(key.ask(event_outside("a"))).sequence, 1u);
}

TEST(Claim, OfALiveOwnersMachineTakesItOver) {
  for (State state : {kProcessingReady, kProcessing, kIdle, kDegraded}) {
    SCOPED_TRACE(name_of(state));
    OneKey key = key_in(state);
    const Record before = key.now();
    const Granted granted = answered<Granted>(key.ask(claim_by(kThere, "newer")));
    EXPECT_GT(granted.generation, before.generation);
    EXPECT_EQ(granted.state, kReconnecting);
    EXPECT_THAT(granted.steps, ElementsAre(kReconnecting));
    EXPECT_EQ(latest(key, 1)[0].reason, Reason::kTakenOver);
    EXPECT_EQ(latest(key, 1)[0].generation, granted.generation);
    EXPECT_EQ(key.now().owner, kThere);
    EXPECT_EQ(key.now().runs, before.runs);
    EXPECT_EQ(granted.sequence_since, before.sequence_since);
  }
}

TEST(Claim, OfADeadGatewaysMachineResumesIt) {
  OneKey key = key_in(kIdle);
  key.context.owner_lives = false;
  answered<Granted>(key.ask(claim_by(kThere, "newer")));
  EXPECT_EQ(latest(key, 1)[0].reason, Reason::kResumed) << "nobody was displaced";
}

TEST(Claim, OfAMachineThatWaitsGivesItANewOwner) {
  OneKey key = waiting_key();
  key.context.tick += 30;
  const Record before = key.now();
  const Granted granted = answered<Granted>(key.ask(claim_by(kThere, "newer")));
  EXPECT_EQ(granted.state, kReconnecting);
  EXPECT_THAT(granted.steps, ElementsAre(kReconnecting)) << "its session is one of resuming";
  EXPECT_EQ(key.now().owner, kThere);
  EXPECT_EQ(key.now().changed_tick, key.context.tick) << "its resuming has a deadline of its own";
  EXPECT_EQ(key.now().transitions, before.transitions);
}

TEST(Claim, OfAMachineThatIsBeingResumedReplacesItsOwner) {
  OneKey key = key_in(kReconnecting);
  const Generation before = key.now().generation;
  const Granted granted = answered<Granted>(key.ask(claim_by(kThere, "newer")));
  EXPECT_GT(granted.generation, before);
  EXPECT_EQ(granted.state, kReconnecting);
  EXPECT_EQ(key.now().owner, kThere);
}

TEST(Claim, OfAClosedKeyStartsAMachineWithASequenceOfItsOwn) {
  OneKey key = key_in(kProcessingReady);
  key.ask(event_outside("a"));
  key.ask(by_owner(key, {close()}));
  const Granted granted = answered<Granted>(key.ask(claim_by(kThere, "newer")));
  EXPECT_THAT(granted.steps, ElementsAre(kConnecting));
  EXPECT_EQ(granted.sequence_since, granted.generation);
  EXPECT_EQ(key.now().last_sequence, 0u);
  EXPECT_EQ(key.now().acknowledged, 0u);
  EXPECT_FALSE(key.now().operational);
}

TEST(Claim, OfAFailedKeyGoesOnWithSequenceOutboxAndOpenRuns) {
  OneKey key = key_in(kProcessing);
  key.ask(event_outside("a"));
  key.ask(by_owner(key, {fail()}));
  const Record before = key.now();
  const Granted granted = answered<Granted>(key.ask(claim_by(kThere, "newer", kProcessingReady)));
  EXPECT_THAT(granted.steps, ElementsAre(kConnecting, kAccepted, kAuthenticated, kServicesReady,
                                         kProcessingReady, kProcessing));
  EXPECT_EQ(granted.sequence_since, before.sequence_since);
  EXPECT_EQ(granted.next_sequence, 1u);
  EXPECT_EQ(granted.last_sequence, 2u);
  EXPECT_EQ(key.now().outbox_sizes, before.outbox_sizes);
  EXPECT_EQ(key.now().runs, before.runs);
  EXPECT_EQ(answered<Receipt>(key.ask(event_outside("a"))).sequence, 2u) << "still remembered";
}

TEST(Claim, ByAnotherSubjectIsDeniedAndChangesNothing) {
  for (State state : kStates) {
    SCOPED_TRACE(name_of(state));
    OneKey key = key_in(state);
    const Record before = key.now();
    Claim foreign = claim_by(kThere, "newer");
    foreign.subject = "mallory";
    refused<PermissionDenied>(key.ask(foreign));
    // Not even the owner's gateway with the very claim id gets in under another name.
    foreign.gateway_id = kHere;
    foreign.claim_id = "claim";
    refused<PermissionDenied>(key.ask(foreign));
    EXPECT_EQ(key.now(), before);
  }
}

// ---- the same claim again ----

TEST(Claim, RepeatedIsTheSameGrant) {
  for (State state : kStates) {
    if (is_final(state)) continue;
    SCOPED_TRACE(name_of(state));
    OneKey key = key_in(state);
    const Record before = key.now();
    const Granted again = answered<Granted>(key.ask(claim_by(kHere, "claim")));
    EXPECT_FALSE(key.wrote());
    EXPECT_EQ(again.generation, before.generation);
    EXPECT_EQ(again.state, state);
    EXPECT_EQ(key.now(), before);
  }
}

TEST(Claim, RepeatedAtOnceIsAnsweredExactlyAsBefore) {
  for (const OneKey& start : {OneKey(), key_in(kServicesReady), key_in(kProcessing), waiting_key(),
                              key_in(kReconnecting), key_in(kClosing), key_in(kFailed)}) {
    OneKey key = start;
    const Claim claim = claim_by(kThere, "newer", kProcessingReady);
    const Granted first = answered<Granted>(key.ask(claim));
    const Granted again = answered<Granted>(key.ask(claim));
    EXPECT_EQ(again.generation, first.generation);
    EXPECT_EQ(again.state, first.state);
    EXPECT_EQ(again.steps, first.steps) << "a session learns by them whether it resumes";
    EXPECT_EQ(again.next_sequence, first.next_sequence);
    EXPECT_EQ(again.last_sequence, first.last_sequence);
    EXPECT_EQ(again.sequence_since, first.sequence_since);
  }
}

TEST(Claim, RepeatedBehindFurtherOperationsIsStillTheSameGrant) {
  OneKey key = waiting_key();
  const Claim claim = claim_by(kThere, "newer");
  const Granted first = answered<Granted>(key.ask(claim));
  key.ask(by_owner(key, {advance(kProcessingReady), advance(kIdle)}));
  const Granted again = answered<Granted>(key.ask(claim));
  EXPECT_EQ(again.generation, first.generation);
  EXPECT_EQ(again.state, kIdle);
  EXPECT_THAT(again.steps, ElementsAre(kReconnecting, kProcessingReady, kIdle));
  EXPECT_EQ(key.now().last_op, 2u) << "its operations were not begun anew";
}

TEST(Claim, RepeatedAfterItsEndIsStale) {
  for (const Operation& end : {detach(), close(), fail()}) {
    OneKey key = key_in(kProcessingReady);
    key.ask(by_owner(key, {end}));
    const Record before = key.now();
    EXPECT_EQ(refused<Stale>(key.ask(claim_by(kHere, "claim"))).current, before.generation);
    EXPECT_EQ(key.now(), before);
  }
}

TEST(Claim, ThatWasSupersededIsStale) {
  OneKey key = key_in(kProcessingReady);
  key.ask(claim_by(kThere, "newer"));
  const Record before = key.now();
  EXPECT_EQ(refused<Stale>(key.ask(claim_by(kHere, "claim"))).current, before.generation);
  EXPECT_EQ(key.now(), before);
}

TEST(Claim, OfTheSameIdByAnotherGatewayIsStale) {
  OneKey key = key_in(kProcessingReady);
  refused<Stale>(key.ask(claim_by(kThere, "claim")));
  EXPECT_EQ(key.now().owner, kHere);
}

TEST(Claim, IsStaleAfterItWasSupersededUpToEightTimes) {
  OneKey key;
  for (int i = 0; i <= 8; ++i) key.ask(claim_by(kHere, "claim " + std::to_string(i)));
  const Record before = key.now();
  EXPECT_THAT(before.spent_claim_ids, SizeIs(8));
  for (int i = 0; i < 8; ++i) {
    refused<Stale>(key.ask(claim_by(kHere, "claim " + std::to_string(i))));
    EXPECT_EQ(key.now(), before);
  }
  key.ask(claim_by(kHere, "claim 9"));
  answered<Granted>(key.ask(claim_by(kHere, "claim 0")));  // the documented limit
}

TEST(Claim, StartsAfreshWithNumbersAttemptAndKick) {
  OneKey key = key_in(kProcessingReady);
  Claim attempted = claim_by(kHere, "second", kProcessingReady);
  attempted.attempt = Attempt{key.now().generation, 1};
  key.ask(attempted);
  key.ask(by_owner(key, {advance(kIdle)}));
  key.record->kick = Kick{.code = 4502, .generation = key.now().generation};
  key.ask(claim_by(kThere, "third"));
  EXPECT_EQ(key.now().last_op, 0u);
  EXPECT_FALSE(key.now().attempt.has_value());
  EXPECT_FALSE(key.now().kick.has_value());
}

TEST(Claim, EachGrantHasAHigherGenerationThanTheOneBefore) {
  OneKey key;
  Generation last = 0;
  for (State state : kStates) {
    const Generation granted =
        answered<Granted>(key.ask(claim_by(kHere, std::string(name_of(state)), kProcessingReady)))
            .generation;
    EXPECT_GT(granted, last);
    last = granted;
  }
}

}  // namespace
}  // namespace interlock
