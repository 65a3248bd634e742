// The numbers of operations: repeated, late, reordered and skipping calls can do no harm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Operate numbered_by_owner(const OneKey& key, std::uint64_t first,
                          std::vector<Operation> operations) {
  Operate operate = by_owner(key, {});
  operate.operations = numbered(first, std::move(operations));
  return operate;
}

TEST(OperateOrder, AMessageIsDecidedInItsOrderAndAnswersWithEveryStepItWrote) {
  OneKey key = key_in(kConnecting);
  const Done done = answered<Done>(key.ask(
      by_owner(key, {advance(kAccepted), advance(kAuthenticated), advance(kServicesReady)})));
  EXPECT_THAT(done.steps, ElementsAre(kAccepted, kAuthenticated, kServicesReady));
  EXPECT_EQ(done.last_op, 3u);
  EXPECT_EQ(done.state, kServicesReady);
  EXPECT_EQ(done.owner, kHere);
}

TEST(OperateOrder, ARepeatedMessageIsAnsweredAndNotDecidedAgain) {
  OneKey key = key_in(kConnecting);
  const Operate message = by_owner(key, {advance(kAccepted), advance(kProcessing)});
  answered<Done>(key.ask(message));
  const Record before = key.now();

  const Done again = answered<Done>(key.ask(message));
  EXPECT_FALSE(key.wrote());
  EXPECT_EQ(again.last_op, 2u);
  EXPECT_EQ(again.state, kAccepted);
  EXPECT_EQ(again.owner, kHere);
  EXPECT_THAT(again.steps, IsEmpty());
  EXPECT_EQ(key.now(), before);
}

TEST(OperateOrder, AnOperationOvertakenByALaterOneIsNotAppliedBehindIt) {
  OneKey key = key_in(kProcessingReady);
  const Operate early = numbered_by_owner(key, 1, {advance(kIdle)});
  // All unanswered ones travel in each message, so the second one carries the first.
  key.ask(numbered_by_owner(key, 1, {advance(kIdle), advance(kProcessingReady)}));
  answered<Done>(key.ask(early));
  EXPECT_FALSE(key.wrote());
  EXPECT_EQ(key.now().state, kProcessingReady);
}

TEST(OperateOrder, WhatWasTakenBeforeIsSkippedAndTheRestIsDecided) {
  OneKey key = key_in(kProcessingReady);
  key.ask(numbered_by_owner(key, 1, {advance(kIdle), advance(kProcessingReady)}));
  const Done done = answered<Done>(key.ask(
      numbered_by_owner(key, 1, {advance(kIdle), advance(kProcessingReady), advance(kDegraded)})));
  EXPECT_THAT(done.steps, ElementsAre(kDegraded));
  EXPECT_EQ(done.last_op, 3u);
}

TEST(OperateOrder, ANumberThatSkipsIsRefusedAndTakesNothing) {
  OneKey key = key_in(kProcessingReady);
  const Record before = key.now();
  EXPECT_EQ(refused<InvalidArgument>(key.ask(numbered_by_owner(key, 2, {advance(kIdle)}))).field,
            "operations");
  refused<InvalidArgument>(key.ask(numbered_by_owner(key, 0, {advance(kIdle)})));
  Operate gap = numbered_by_owner(key, 1, {advance(kIdle), advance(kProcessingReady)});
  gap.operations[1].op = 3;
  refused<InvalidArgument>(key.ask(gap));
  Operate twice = numbered_by_owner(key, 1, {advance(kIdle), advance(kProcessingReady)});
  twice.operations[1].op = 1;
  refused<InvalidArgument>(key.ask(twice));
  refused<InvalidArgument>(key.ask(numbered_by_owner(key, 1, {})));
  EXPECT_EQ(key.now(), before);
}

TEST(OperateOrder, AMessageHasALimit) {
  OneKey key = key_in(kProcessingReady);
  key.context.limits.operations_max = 4;
  const Record before = key.now();
  const std::vector<Operation> five(5, advance(kIdle));
  EXPECT_EQ(refused<ResourceExhausted>(key.ask(by_owner(key, five))).value, 4u);
  EXPECT_EQ(key.now(), before);
  answered<Done>(key.ask(by_owner(key, std::vector<Operation>(4, advance(kIdle)))));
}

TEST(OperateOrder, ARefusedOperationTakesItsNumberAndTheNextOneGoesOn) {
  OneKey key = key_in(kProcessingReady);
  const Operate message = by_owner(key, {advance(kAccepted), advance(kIdle), fail()});
  key.context.tick = 200;
  const Done done = answered<Done>(key.ask(message));
  ASSERT_THAT(done.refused, SizeIs(1));
  EXPECT_EQ(done.refused[0].op, 1u);
  EXPECT_EQ(refused<IllegalTransition>(done.refused[0]).current, kProcessingReady);
  EXPECT_THAT(done.steps, ElementsAre(kIdle, kFailed));
  EXPECT_EQ(done.last_op, 3u);
}

TEST(OperateOrder, ARefusedNumberIsNotDecidedAgainWhenItWouldBeAllowed) {
  OneKey key = key_in(kProcessing);
  const Operate idle = by_owner(key, {advance(kIdle)});
  EXPECT_THAT(answered<Done>(key.ask(idle)).refused, SizeIs(1));
  key.ask(ends("run"));
  EXPECT_THAT(answered<Done>(key.ask(idle)).refused, IsEmpty());
  EXPECT_EQ(key.now().state, kProcessingReady) << "its number was taken when it was refused";
}

TEST(OperateOrder, BehindADetachInTheSameMessageNothingIsTheOwnersAnyMore) {
  OneKey key = key_in(kProcessingReady);
  const Operate message = by_owner(key, {advance(kIdle), detach(), advance(kDegraded), close()});
  const Done done = answered<Done>(key.ask(message));
  EXPECT_THAT(done.steps, ElementsAre(kIdle, kReconnecting));
  ASSERT_THAT(done.refused, SizeIs(2));
  EXPECT_EQ(done.refused[0].op, 3u);
  EXPECT_EQ(refused<StaleGeneration>(done.refused[0]).current, key.now().generation);
  refused<StaleGeneration>(done.refused[1]);
  EXPECT_EQ(done.last_op, 4u);
  EXPECT_EQ(done.owner, "");
  EXPECT_EQ(key.now().state, kReconnecting);

  answered<Done>(key.ask(message));
  EXPECT_FALSE(key.wrote()) << "all four are taken";
}

TEST(OperateOrder, ADetachThatComesAgainIsAnsweredThatItWasTaken) {
  OneKey key = key_in(kProcessingReady);
  const Operate leaving = by_owner(key, {detach()});
  key.ask(leaving);
  const Done again = answered<Done>(key.ask(leaving));
  EXPECT_EQ(again.last_op, 1u);
  EXPECT_EQ(again.state, kReconnecting);
  EXPECT_EQ(again.owner, "");
  EXPECT_FALSE(key.wrote());
}

TEST(OperateOrder, AfterADetachANewOperationIsStale) {
  OneKey key = key_in(kProcessingReady);
  Operate idle = by_owner(key, {advance(kIdle)});
  idle.operations[0].op = 2;
  key.ask(by_owner(key, {detach()}));
  EXPECT_EQ(refused<StaleGeneration>(key.ask(idle)).current, key.now().generation);
  EXPECT_EQ(key.now().state, kReconnecting);
}

TEST(OperateOrder, ALateDetachDoesNotTouchTheNewOwner) {
  OneKey key = key_in(kProcessingReady);
  const Operate late = by_owner(key, {detach()});
  key.ask(claim_by(kThere, "newer", kProcessingReady));
  const Record before = key.now();
  EXPECT_EQ(refused<StaleGeneration>(key.ask(late)).current, before.generation);
  EXPECT_FALSE(key.wrote());
  EXPECT_EQ(key.now(), before);
  EXPECT_EQ(key.now().owner, kThere);
}

TEST(OperateOrder, ALateDetachDoesNotTouchTheSameGatewaysNewerSocket) {
  OneKey key = key_in(kProcessingReady);
  const Operate late = by_owner(key, {detach()});
  key.ask(claim_by(kHere, "newer", kProcessingReady));
  const Record before = key.now();
  refused<StaleGeneration>(key.ask(late));
  EXPECT_EQ(key.now(), before);
}

TEST(OperateOrder, NoLateCommandOfAnOlderGenerationChangesAnything) {
  OneKey key = key_in(kProcessingReady);
  std::vector<Operate> late;
  for (const Operation& what :
       {advance(kIdle), advance(kProcessingReady), detach(), close(), fail()}) {
    late.push_back(by_owner(key, {what}));
    late.back().acknowledged = 1;
  }
  key.ask(claim_by(kThere, "newer", kProcessingReady));
  key.ask(event_outside("a"));
  const Record before = key.now();
  for (const Operate& message : late) {
    EXPECT_EQ(refused<StaleGeneration>(key.ask(message)).current, before.generation);
    EXPECT_EQ(key.now(), before);
  }
}

TEST(OperateOrder, AGenerationThatWasNeverGrantedIsStaleToo) {
  OneKey key = key_in(kProcessingReady);
  Operate ahead = by_owner(key, {advance(kIdle)});
  ++ahead.generation;
  EXPECT_EQ(refused<StaleGeneration>(key.ask(ahead)).current, key.now().generation);
  EXPECT_FALSE(key.wrote());
}

TEST(OperateOrder, AnotherGatewayIsNotTheOwnerWhateverGenerationItNames) {
  OneKey key = key_in(kProcessingReady);
  Operate foreign = by_owner(key, {detach()});
  foreign.gateway_id = kThere;
  EXPECT_EQ(refused<StaleGeneration>(key.ask(foreign)).current, key.now().generation);
  foreign.gateway_id = "";
  refused<StaleGeneration>(key.ask(foreign));
  EXPECT_EQ(key.now().owner, kHere);
}

TEST(OperateOrder, TheNumbersBeginAgainWithEachGeneration) {
  OneKey key = key_in(kProcessingReady);
  key.ask(by_owner(key, {advance(kIdle), advance(kProcessingReady)}));
  key.ask(claim_by(kThere, "newer"));
  EXPECT_EQ(key.now().last_op, 0u);
  const Done done = answered<Done>(key.ask(numbered_by_owner(key, 1, {advance(kProcessingReady)})));
  EXPECT_EQ(done.last_op, 1u);
  EXPECT_EQ(done.state, kProcessingReady);
}

TEST(OperateOrder, TheAnswerNamesTheLastSequenceForTheReplayToEndAt) {
  OneKey key = key_in(kServicesReady);
  key.ask(event_outside("a"));
  key.ask(event_outside("b"));
  EXPECT_EQ(answered<Done>(key.ask(by_owner(key, {advance(kProcessingReady)}))).last_sequence, 2u);
}

}  // namespace
}  // namespace interlock
