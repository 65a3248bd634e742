// An answer never precedes what it rests on, and what a store may answer to a commit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/engine/record_codec.h"
#include "tests/coordinator/engine/asking.h"
#include "tests/coordinator/engine/bare_engine.h"
#include "tests/coordinator/engine/engine_world.h"
#include "tests/coordinator/engine/ledger.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kKey = "alice:1";

EngineWorld::Setup coordinators(std::size_t count, MemoryFaults faults = {}) {
  return {.coordinators = count, .faults = std::move(faults)};
}
MemoryFaults single_writer() {
  MemoryFaults faults;
  faults.single_writer = true;
  return faults;
}
// The feed comes late, so that a memory lags behind.
MemoryFaults lagging(std::uint64_t lag_ms) {
  MemoryFaults faults;
  faults.feed_lag_ms = [lag_ms] { return lag_ms; };
  return faults;
}

// ---- before it is durable nobody is told ----

class Durability : public testing::TestWithParam<bool> {
 protected:
  EngineWorld world{coordinators(1, GetParam() ? single_writer() : MemoryFaults{})};
};

TEST_P(Durability, AGrantIsNotAnsweredBeforeItsCommit) {
  world.run();
  world.store(0).hold();
  const Ticket claim = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  world.run(10'000);
  EXPECT_FALSE(world.answered(claim));
  EXPECT_EQ(world.record(kKey), std::nullopt);
  world.store(0).release();
  EXPECT_EQ(world.expect<Granted>(claim).generation, world.record(kKey)->generation);
}

TEST_P(Durability, NeitherDoneNorReceiptsAreAnsweredBeforeTheirCommit) {
  const Generation generation = world.grant(0, kKey, "gateway-a");
  world.store(0).hold();
  const Ticket step = world.ask(0, kKey, advance("gateway-a", generation, 1, State::kAccepted));
  const Ticket event = world.ask(0, kKey, publish("e1"));
  world.run(10'000);
  EXPECT_FALSE(world.answered(step));
  EXPECT_FALSE(world.answered(event));
  world.store(0).release();
  EXPECT_EQ(world.expect<Done>(step).state, State::kAccepted);
  EXPECT_EQ(world.expect<Receipt>(event).sequence, 1u);
}

TEST_P(Durability, ARefusalThatRestsOnAHeldCommitWaitsForIt) {
  const Generation generation = world.grant(0, kKey, "gateway-a");
  world.store(0).hold();
  const Ticket closed = world.ask(0, kKey, close("gateway-a", generation, 1));
  world.run();
  // Both are true only once the close is durable.
  const Ticket event = world.ask(0, kKey, publish("e1"));
  const Ticket step = world.ask(0, kKey, advance("gateway-a", generation, 2, State::kAccepted));
  const Ticket look = world.ask(0, kKey, Lookup{});
  world.run(10'000);
  EXPECT_FALSE(world.answered(closed));
  EXPECT_FALSE(world.answered(event));
  EXPECT_FALSE(world.answered(step));
  EXPECT_FALSE(world.answered(look));
  world.store(0).release();
  EXPECT_EQ(world.expect<Done>(closed).state, State::kClosed);
  EXPECT_EQ(world.expect_refusal<Gone>(event).state, State::kClosed);
  world.expect_refusal<StaleGeneration>(step);
  EXPECT_EQ(world.expect<Found>(look).record.state, State::kClosed);
}

TEST_P(Durability, ARefusalDecidedInTheSameWriteAsWhatItRestsOnWaitsForIt) {
  world.run();
  world.store(0).hold();
  const Ticket first = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  Claim second = claim_by("gateway-b", "c2");
  second.policy = Policy::kReject;
  const Ticket rejected = world.ask(0, kKey, second);
  world.run(10'000);
  EXPECT_FALSE(world.answered(rejected));
  world.store(0).release();
  const Generation generation = world.expect<Granted>(first).generation;
  EXPECT_EQ(world.expect_refusal<AlreadyOwned>(rejected).current, generation);
}

TEST_P(Durability, ThatAKeyIsUnknownIsNotSaidBehindAHeldClaim) {
  world.run();
  world.store(0).hold();
  const Ticket claim = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  world.run();
  const Ticket look = world.ask(0, kKey, Lookup{});
  const Ticket event = world.ask(0, kKey, publish("e1"));
  world.run(10'000);
  EXPECT_FALSE(world.answered(look));
  EXPECT_FALSE(world.answered(event));
  world.store(0).release();
  const Generation generation = world.expect<Granted>(claim).generation;
  EXPECT_EQ(world.expect<Found>(look).record.generation, generation);
  EXPECT_EQ(world.expect<Receipt>(event).sequence, 1u);
}

TEST_P(Durability, AnAcknowledgementThatWaitsIsNotShownBeforeItIsWritten) {
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  world.expect<Receipt>(world.ask(0, kKey, publish("e1")));
  world.tell(0, kKey, acknowledge("gateway-a", generation, 1));
  world.run();
  ASSERT_EQ(world.record(kKey)->acknowledged, 0u);
  const Found found = world.expect<Found>(world.ask(0, kKey, Lookup{}));
  EXPECT_EQ(found.record.acknowledged, world.record(kKey)->acknowledged);
}

INSTANTIATE_TEST_SUITE_P(Engine, Durability, testing::Bool(), [](const auto& one) {
  return one.param ? "OneWriter" : "SeveralWriters";
});

// ---- a memory that lags behind decides nothing ----

TEST(EngineCommit, AnAnswerThatWritesNothingIsCheckedByTheStore) {
  EngineWorld world(coordinators(2));
  world.grant(0, kKey, "gateway-a");
  world.store(0).hold();
  const Ticket look = world.ask(0, kKey, Lookup{});
  const Ticket unknown = world.ask(0, "alice:2", publish("e1"));
  world.run(10'000);
  EXPECT_FALSE(world.answered(look));
  EXPECT_FALSE(world.answered(unknown));
  EXPECT_THAT(world.commits.back().batch, SizeIs(2));
  EXPECT_EQ(world.commits.back().batch[0].write, Write::kCompareOnly);
  world.store(0).release();
  world.expect<Found>(look);
  world.expect_refusal<NotFound>(unknown);
}

TEST(EngineCommit, WithOneWriterAnAnswerThatWritesNothingAsksNobody) {
  EngineWorld world(coordinators(1, single_writer()));
  world.grant(0, kKey, "gateway-a");
  world.store(0).hold();
  world.expect<Found>(world.ask(0, kKey, Lookup{}));
  world.expect_refusal<NotFound>(world.ask(0, "alice:2", publish("e1")));
}

TEST(EngineCommit, OneCompareServesAllThatWaitsForTheKey) {
  EngineWorld world(coordinators(2));
  world.grant(0, kKey, "gateway-a");
  const std::size_t before = world.commits.size();
  for (int i = 0; i < 50; ++i) world.ask(0, kKey, Lookup{});
  world.run();
  EXPECT_EQ(world.commits.size(), before + 1);
  EXPECT_EQ(world.answers.size(), 51u);
}

TEST(EngineCommit, ALaggingMemoryDoesNotSayThatAKeyIsUnknown) {
  EngineWorld world(coordinators(2, lagging(60'000)));
  world.run();
  const Generation generation = world.grant(0, kKey, "gateway-a");
  const Ticket look = world.ask(1, kKey, Lookup{});
  EXPECT_EQ(world.expect<Found>(look).record.generation, generation);
  EXPECT_EQ(world.expect<Receipt>(world.ask(1, kKey, publish("e1"))).sequence, 1u);
}

TEST(EngineCommit, ALaggingMemoryDoesNotRefuseTheRightfulOwner) {
  EngineWorld world(coordinators(2, lagging(60'000)));
  world.run();
  world.grant(1, kKey, "gateway-old");
  const Generation generation = world.grant(0, kKey, "gateway-new");
  // Coordinator 1 still believes in the old owner.
  const Ticket step = world.ask(1, kKey, advance("gateway-new", generation, 1, State::kAccepted));
  EXPECT_EQ(world.expect<Done>(step).state, State::kAccepted);
}

TEST(EngineCommit, ALaggingMemoryDoesNotLetTheOldOwnerGoOn) {
  EngineWorld world(coordinators(2, lagging(60'000)));
  world.run();
  const Generation old = world.grant(1, kKey, "gateway-old");
  const Generation now = world.grant(0, kKey, "gateway-new");
  const Ticket step = world.ask(1, kKey, advance("gateway-old", old, 1, State::kAccepted));
  EXPECT_EQ(world.expect_refusal<StaleGeneration>(step).current, now);
}

TEST(EngineCommit, ADurableGenerationAboveTheCommandsRefusesWithoutWaiting) {
  EngineWorld world;
  const Generation old = world.grant(0, kKey, "gateway-old");
  const Generation now = world.grant(0, kKey, "gateway-new");
  world.store(0).hold();
  world.ask(0, kKey, publish("e1"));
  world.run();
  const Ticket step = world.ask(0, kKey, advance("gateway-old", old, 1, State::kAccepted));
  EXPECT_EQ(world.expect_refusal<StaleGeneration>(step).current, now);
  world.store(0).release();
}

TEST(EngineCommit, NobodyCanNameTheGenerationThatIsStillBeingMade) {
  EngineWorld world;
  world.run();
  world.ask(0, kKey, claim_by("gateway-a", "c1"));
  const Ticket close_it = world.ask(0, kKey, close("gateway-a", kThisCommit, 1));
  const Ticket forget = world.ask(0, kKey, Forget{kThisCommit});
  Claim future = claim_by("gateway-b", "c2");
  future.policy = Policy::kReject;
  future.attempt = Attempt{kThisCommit, 1};
  const Ticket rejected = world.ask(0, kKey, future);
  world.expect_refusal<InvalidArgument>(close_it);
  world.expect_refusal<InvalidArgument>(forget);
  world.expect_refusal<AlreadyOwned>(rejected);
  EXPECT_EQ(world.record(kKey)->owner, "gateway-a");
}

// ---- what a store may answer ----

TEST(EngineCommit, ARefusalIsDecidedAgainWithTheRecordThatCameBack) {
  EngineWorld world(coordinators(2, lagging(60'000)));
  world.run();
  world.grant(0, kKey, "gateway-a");
  world.expect<Receipt>(world.ask(0, kKey, publish("e1")));
  // Coordinator 1 has seen nothing of this: absent, then as it stands.
  const Ticket event = world.ask(1, kKey, publish("e2"));
  EXPECT_EQ(world.expect<Receipt>(event).sequence, 2u);
  ASSERT_THAT(world.commits, SizeIs(testing::Ge(2u)));
  EXPECT_EQ(world.commits[world.commits.size() - 2].batch[0].expected, kAbsent);
  EXPECT_EQ(world.commits.back().batch[0].write, Write::kPut);
}

TEST(EngineCommit, AfterTwoConflictsItWaitsALittle) {
  ScriptedFates fates;
  EngineWorld world(coordinators(2, fates.faults()));
  world.grant(0, kKey, "gateway-a");
  // Somebody else writes the record before each commit arrives.
  std::vector<std::uint64_t> tried_ms;
  world.store(1).hold();
  const Ticket event = world.ask(1, kKey, publish("mine"));
  for (int i = 0; i < 6; ++i) {
    world.run();
    for (int ms = 0; ms < 1'000 && world.store(1).held() == 0; ++ms) world.run(1);
    tried_ms.push_back(world.now_ms());
    world.expect<Receipt>(world.ask(0, kKey, publish("theirs " + std::to_string(i))));
    world.store(1).release(1);
  }
  world.store(1).release();
  world.run(1'000);
  EXPECT_EQ(world.expect<Receipt>(event).sequence, 7u);
  EXPECT_EQ(tried_ms[1], tried_ms[0]);
  EXPECT_EQ(tried_ms[2], tried_ms[0]);
  for (std::size_t i = 3; i < tried_ms.size(); ++i) EXPECT_GT(tried_ms[i], tried_ms[i - 1]);
}

class UnknownOutcome : public testing::TestWithParam<Ending> {
 protected:
  ScriptedFates fates;
  EngineWorld world{coordinators(2, fates.faults())};
  Ledger ledger{world.truth(), [this] { return world.now_ms(); }};

  // As the parameter says; landing late means after it has been tried again.
  void doubt_next() { fates.next(Fate{.ending = GetParam(), .land_after_ms = 50}); }
};

TEST_P(UnknownOutcome, AClaimIsGrantedOnceAndAnsweredOnce) {
  world.run();
  doubt_next();
  const Ticket claim = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  world.run(5'000);
  const Granted granted = world.expect<Granted>(claim);
  EXPECT_EQ(world.record(kKey)->generation, granted.generation);
  EXPECT_THAT(ledger.of(kKey), SizeIs(1));
  EXPECT_THAT(ledger.wrong, IsEmpty());
}

TEST_P(UnknownOutcome, AnEventGetsOneSequence) {
  world.grant(0, kKey, "gateway-a");
  doubt_next();
  const Ticket event = world.ask(0, kKey, publish("e1"));
  const Ticket next = world.ask(0, kKey, publish("e2"));
  world.run(5'000);
  EXPECT_EQ(world.expect<Receipt>(event).sequence, 1u);
  EXPECT_EQ(world.expect<Receipt>(next).sequence, 2u);
  EXPECT_THAT(world.attachments(kKey), ElementsAre(1, 2));
  EXPECT_THAT(ledger.wrong, IsEmpty());
}

TEST_P(UnknownOutcome, AnOperationIsDoneOnce) {
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  doubt_next();
  const Ticket left = world.ask(0, kKey, detach("gateway-a", generation, 1));
  world.run(5'000);
  EXPECT_EQ(world.expect<Done>(left).state, State::kReconnecting);
  EXPECT_THAT(ledger.wrong, IsEmpty());
}

TEST_P(UnknownOutcome, WhatComesBehindWaitsUntilTheDoubtIsOver) {
  const Generation generation = world.grant(0, kKey, "gateway-a");
  doubt_next();
  const Ticket closed = world.ask(0, kKey, close("gateway-a", generation, 1));
  world.run();
  const Ticket event = world.ask(0, kKey, publish("e1"));
  world.run(5'000);
  EXPECT_EQ(world.expect<Done>(closed).state, State::kClosed);
  EXPECT_EQ(world.expect_refusal<Gone>(event).state, State::kClosed);
}

// It would be told to the asker that nothing was done, and the first try might land behind that.
TEST(UnknownOutcomeOfOne, ARefusalThatTimeHasBroughtIsWrittenOverTheDoubt) {
  BareEngine bare;
  bare.start();
  bare.attach(1, "gateway-a");
  const StartCommit granted = BareEngine::commit_of(
      bare.give(CommandGiven{9, kKey, claim_by("gateway-a", "c1", State::kProcessingReady)}));
  bare.give(BareEngine::applied(granted, 2));
  const StartCommit first =
      BareEngine::commit_of(bare.give(CommandGiven{10, kKey, publish("e1")}));
  bare.give(RoomChanged{"the disk is full"});
  const StartCommit again = BareEngine::commit_of(
      bare.give(CommitAnswered{first.commit, {Unknown{absl::UnavailableError("gone")}}}));
  ASSERT_THAT(again.batch, SizeIs(1));
  EXPECT_EQ(again.batch[0].expected, first.batch[0].expected);
  EXPECT_EQ(again.batch[0].write, Write::kPut);
  EXPECT_THAT(again.batch[0].put, IsEmpty()) << "the event is refused now";
  const Outputs outputs = bare.give(BareEngine::applied(again, 4));
  const auto answers = BareEngine::of<Answered>(outputs);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<Refusal>(answers[0].answer));
}

INSTANTIATE_TEST_SUITE_P(Engine, UnknownOutcome,
                         testing::Values(Ending::kUnknownApplied, Ending::kUnknownLost,
                                         Ending::kUnknownLate),
                         [](const auto& one) {
                           return one.param == Ending::kUnknownApplied ? "Landed"
                                  : one.param == Ending::kUnknownLost  ? "Lost"
                                                                       : "LandsLate";
                         });

TEST(EngineCommit, AWriteInDoubtIsSettledByAWriteNeverByALook) {
  ScriptedFates fates;
  EngineWorld world(coordinators(2, fates.faults()));
  world.grant(0, kKey, "gateway-a");
  // The first try lands only after the second one has failed for sure.
  fates.next({Fate{.ending = Ending::kUnknownLate, .land_after_ms = 500},
              Fate{.ending = Ending::kFailed}, Fate{.ending = Ending::kFailed}});
  const std::size_t before = world.commits.size();
  const Ticket event = world.ask(0, kKey, publish("e1"));
  world.run();
  const Ticket look = world.ask(0, kKey, Lookup{});
  world.run(5'000);
  EXPECT_EQ(world.expect<Receipt>(event).sequence, 1u);
  // What waited with it and surely failed is told so; asked again, it sees the write.
  world.expect_refusal<StoreAway>(look);
  const Ticket again = world.ask(0, kKey, Lookup{});
  world.run();
  EXPECT_EQ(world.expect<Found>(again).record.last_sequence, 1u);
  const Revision doubted = world.commits[before].batch[0].expected;
  for (std::size_t i = before; i < world.commits.size(); ++i) {
    const Entry& entry = world.commits[i].batch[0];
    if (entry.expected == doubted) EXPECT_EQ(entry.write, Write::kPut);
  }
}

TEST(EngineCommit, NobodyIsToldThatNothingWasDoneWhileAnEarlierTryMayLand) {
  ScriptedFates fates;
  EngineWorld world(coordinators(2, fates.faults()));
  world.run();
  fates.next({Fate{.ending = Ending::kUnknownLate, .land_after_ms = 100},
              Fate{.ending = Ending::kFailed}, Fate{.ending = Ending::kFailed}});
  const Ticket claim = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  world.run(5'000);
  EXPECT_EQ(world.expect<Granted>(claim).generation, world.record(kKey)->generation);
}

TEST(EngineCommit, WhatSurelyFailedIsAnsweredThatTheStoreIsAway) {
  ScriptedFates fates;
  EngineWorld world(coordinators(1, fates.faults()));
  world.run();
  fates.next(Fate{.ending = Ending::kFailed});
  world.expect_refusal<StoreAway>(world.ask(0, kKey, claim_by("gateway-a", "c1")));
  EXPECT_EQ(world.engine(0).keys_at_work(), 0u);
  world.expect<Granted>(world.ask(0, kKey, claim_by("gateway-a", "c2")));
}

TEST(EngineCommit, StreamsAreToldThatTheStoreIsAwayAndThatItIsBack) {
  EngineWorld world;
  const StreamId stream = world.attach(0, "gateway-a");
  world.store(0).set_away(Away::kFailed);
  world.expect_refusal<StoreAway>(world.ask(0, kKey, claim_by("gateway-a", "c1")));
  EXPECT_TRUE(world.engine(0).store_away());
  world.give(0, StreamHeartbeat{stream, 1});
  const StreamId late = world.attach(0, "gateway-b");
  world.run(10'000);
  // Nobody asks for anything any more, and it is noticed all the same.
  world.store(0).set_away(Away::kNo);
  world.run(1'000);
  EXPECT_FALSE(world.engine(0).store_away());
  world.give(0, StreamHeartbeat{stream, 2});
  world.run();
  const auto told = world.heard<StoreIsAway>(stream);
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_TRUE(told[0].away);
  EXPECT_FALSE(told[1].away);
  EXPECT_THAT(world.heard<StoreIsAway>(late), SizeIs(2));
  const auto confirmed = world.heard<HeartbeatConfirmed>(stream);
  ASSERT_THAT(confirmed, SizeIs(1));
  EXPECT_EQ(confirmed[0].number, 2u);
}

TEST(EngineCommit, AStoreThatStaysAwayIsNotWaitedFor) {
  EngineWorld world;
  world.run();
  world.store(0).hold();  // what is asked of it is not answered before it is released
  const Ticket early = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  world.run(10'000);
  ASSERT_TRUE(world.engine(0).store_away());
  EXPECT_FALSE(world.answered(early)) << "it may have been granted";
  const std::size_t commits = world.commits.size();
  world.expect_refusal<StoreAway>(world.ask(0, "alice:2", claim_by("gateway-a", "c2")));
  EXPECT_EQ(world.commits.size(), commits) << "surely not granted, now or later";
  world.store(0).release();
  world.run(1'000);
  world.expect<Granted>(early);
  world.expect<Granted>(world.ask(0, "alice:2", claim_by("gateway-a", "c3")));
}

// ---- a store that is short of room ----

TEST(EngineCommit, ShortOfRoomNothingNewIsTakenAndTheRestGoesOn) {
  EngineWorld world;
  const StreamId stream = world.attach(0, "gateway-a");
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  world.expect<Receipt>(world.ask(0, kKey, publish("e1")));
  world.give(0, RoomChanged{"The store is nearly full."});

  const auto claim =
      world.expect_refusal<NotNow>(world.ask(0, "alice:2", claim_by("gateway-a", "c2")));
  EXPECT_EQ(claim.message, "The store is nearly full.");
  EXPECT_GT(claim.after_ms, 0u);
  EXPECT_EQ(world.expect_refusal<NotNow>(world.ask(0, kKey, publish("e2"))).message,
            "The store is nearly full.");

  EXPECT_TRUE(world.expect<Receipt>(world.ask(0, kKey, publish("e1"))).repeated);
  world.expect<Settled>(world.ask(0, kKey, Acknowledge{"gateway-a", generation, 1}));
  world.run(5'000);
  EXPECT_EQ(world.record(kKey)->acknowledged, 1u);
  world.give(0, StreamHeartbeat{stream, 7});
  world.run();
  EXPECT_THAT(world.heard<HeartbeatConfirmed>(stream), SizeIs(1));
  const Generation again = world.grant(0, kKey, "gateway-b", State::kProcessingReady);
  EXPECT_GT(again, generation) << "who comes back is let in: only so its outbox gets empty";
  world.expect<Done>(
      world.ask(0, kKey, Operate{"gateway-b", again, {{1, Operation::Kind::kClose}}}));

  world.give(0, RoomChanged{""});
  world.expect<Granted>(world.ask(0, "alice:2", claim_by("gateway-a", "c4")));
}

TEST(EngineCommit, OneEntryThatFailsIsNoStoreThatIsAway) {
  ScriptedFates fates;
  EngineWorld world(coordinators(1, fates.faults()));
  world.run();
  fates.next(Fate{.ending = Ending::kFailed});
  const Ticket unlucky = world.ask(0, "alice:1", claim_by("gateway-a", "c1"));
  const Ticket lucky = world.ask(0, "alice:2", claim_by("gateway-a", "c2"));
  world.expect_refusal<StoreAway>(unlucky);
  world.expect<Granted>(lucky);
  EXPECT_FALSE(world.engine(0).store_away());
}

}  // namespace
}  // namespace interlock
