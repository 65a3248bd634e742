// Gateways that live and die, and the clock by which that is judged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/engine/record_codec.h"
#include "tests/coordinator/engine/asking.h"
#include "tests/coordinator/engine/bare_engine.h"
#include "tests/coordinator/engine/engine_world.h"

namespace interlock {
namespace {

using testing::Each;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kKey = "alice:1";
constexpr const char* kNew = "gateway-0123";  // without a lease so far

std::optional<Lease> lease_of(EngineWorld& world, const std::string& gateway) {
  const auto found = world.truth().records().find(lease_key(gateway));
  if (found == world.truth().records().end()) return std::nullopt;
  return *decode_lease(found->second.now.bytes);
}
Tick tick_of(EngineWorld& world) {
  const auto found = world.truth().records().find(std::string(kTickKey));
  return found == world.truth().records().end() ? 0 : decode_tick(found->second.now.bytes)->tick;
}
void beat(EngineWorld& world, StreamId stream, std::uint64_t number, std::size_t coordinator = 0) {
  world.give(coordinator, StreamHeartbeat{stream, number});
  world.run();
}

// ---- the tick ----

TEST(Tick, NobodyTicksWhileNoDeadlineIsPending) {
  EngineWorld world({.coordinators = 2, .gateways = {}});
  world.run(60'000);
  EXPECT_EQ(tick_of(world), 0u);
}

TEST(Tick, SeveralCoordinatorsAdvanceOneClockOnceASecond) {
  EngineWorld world({.coordinators = 3});
  world.grant(0, kKey, "gateway-a");
  const Tick before = tick_of(world);
  world.run(60'000);
  EXPECT_GE(tick_of(world), before + 55);
  EXPECT_LE(tick_of(world), before + 60);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(world.engine(i).tick(), tick_of(world));
}

TEST(Tick, StandsStillWhileTheStoreIsAway) {
  EngineWorld world;
  world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  world.expect<Done>(world.ask(0, kKey, detach("gateway-a", world.record(kKey)->generation, 1)));
  world.store(0).set_away(Away::kFailed);
  const Tick before = tick_of(world);
  world.run(3'600'000);
  EXPECT_EQ(tick_of(world), before);
  world.store(0).set_away(Away::kNo);
  world.run(5'000);
  EXPECT_EQ(world.record(kKey)->state, State::kReconnecting) << "an hour away is no hour";
}

TEST(Tick, AnEngineThatHasSleptStampsNothingBeforeItKnowsTheTime) {
  BareEngine bare;
  bare.start();
  bare.now_ms += 60'000;
  const Outputs outputs = bare.give(CommandGiven{9, kKey, claim_by("gateway-a", "c1")});
  const StartCommit tick = BareEngine::commit_of(outputs);
  ASSERT_THAT(tick.batch, SizeIs(1));
  EXPECT_EQ(tick.batch[0].key, kTickKey);
  const StartCommit claim = BareEngine::commit_of(bare.give(BareEngine::applied(tick, 2)));
  EXPECT_EQ(claim.batch.at(0).key, "c/alice:1");
}

TEST(Tick, AStoreThatDoesNotSayTheTimeIsAway) {
  EngineWorld world;
  const StreamId stream = world.attach(0, "gateway-a");
  world.store(0).hold();
  world.run(10'000);
  ASSERT_THAT(world.heard<StoreIsAway>(stream), SizeIs(1));
  EXPECT_TRUE(world.heard<StoreIsAway>(stream)[0].away);
  world.store(0).release();
  world.run(1'000);
  EXPECT_FALSE(world.heard<StoreIsAway>(stream).back().away);
}

// ---- leases ----

TEST(EngineLease, AttachingMakesOneAndAHeartbeatRenewsIt) {
  EngineWorld world;
  const StreamId stream = world.open_stream(0, kNew);
  world.run(5'000);
  ASSERT_TRUE(lease_of(world, kNew));
  const Tick begun = lease_of(world, kNew)->renewed_tick;
  beat(world, stream, 1);
  EXPECT_GT(lease_of(world, kNew)->renewed_tick, begun);
  ASSERT_THAT(world.heard<HeartbeatConfirmed>(stream), SizeIs(1));
}

TEST(EngineLease, AHeartbeatIsConfirmedOnlyWhenItsRenewalIsDurable) {
  EngineWorld world;
  const StreamId stream = world.attach(0, kNew);
  world.run(2'000);
  world.store(0).hold();
  beat(world, stream, 7);
  EXPECT_THAT(world.heard<HeartbeatConfirmed>(stream), IsEmpty());
  world.store(0).release();
  world.run();
  ASSERT_THAT(world.heard<HeartbeatConfirmed>(stream), SizeIs(1));
  EXPECT_EQ(world.heard<HeartbeatConfirmed>(stream)[0].number, 7u);
}

TEST(EngineLease, ARenewalGoesAheadOfEverythingElseInItsBatch) {
  BareEngine bare;
  bare.start();
  bare.attach(1, "gateway-a");
  std::vector<Input> together;
  together.emplace_back(CommandGiven{9, kKey, claim_by("gateway-a", "c1")});
  together.emplace_back(StreamHeartbeat{1, 1});
  const StartCommit commit =
      BareEngine::commit_of(bare.engine.step(std::move(together), {bare.now_ms, 0}));
  ASSERT_THAT(commit.batch, SizeIs(2));
  EXPECT_EQ(commit.batch[0].key, lease_key("gateway-a"));
}

TEST(EngineLease, AClaimWaitsForItsGatewaysLease) {
  EngineWorld world;
  world.run();
  world.store(0).hold();
  const Ticket claim = world.ask(0, kKey, claim_by(kNew, "c1"));
  world.run();
  world.store(0).release(1);
  EXPECT_TRUE(lease_of(world, kNew) || !world.record(kKey)) << "never an owner without a lease";
  world.store(0).release();
  world.expect<Granted>(claim);
  EXPECT_TRUE(lease_of(world, kNew));
}

TEST(EngineLease, AGatewayThatIsSilentForMoreThanATtlIsExpiredAndSweptAndTold) {
  EngineWorld world({.coordinators = 2});
  const StreamId stream = world.attach(0, kNew);
  world.grant(0, kKey, kNew, State::kProcessingReady);
  world.grant(0, "alice:2", kNew, State::kServicesReady);
  world.run(14'000);
  EXPECT_EQ(world.record(kKey)->owner, kNew);
  world.run(5'000);
  EXPECT_TRUE(lease_of(world, kNew)->expired);
  EXPECT_EQ(world.record(kKey)->owner, "");
  EXPECT_EQ(world.record(kKey)->state, State::kReconnecting);
  EXPECT_EQ(world.record("alice:2")->state, State::kFailed);
  EXPECT_THAT(world.heard<LeaseExpired>(stream), SizeIs(1));
  EXPECT_THAT(world.heard<Released>(stream), SizeIs(2));
}

TEST(EngineLease, AnExpiredIdNeverComesBack) {
  EngineWorld world({.coordinators = 2});
  const StreamId stream = world.attach(0, kNew);
  world.run(20'000);
  ASSERT_TRUE(lease_of(world, kNew)->expired);
  const Lease tombstone = *lease_of(world, kNew);
  beat(world, stream, 1);
  EXPECT_THAT(world.heard<HeartbeatConfirmed>(stream), IsEmpty());
  const StreamId again = world.attach(1, kNew);
  EXPECT_THAT(world.heard<LeaseExpired>(again), SizeIs(1));
  beat(world, again, 2, 1);
  EXPECT_THAT(world.heard<HeartbeatConfirmed>(again), IsEmpty());
  world.expect_refusal<GatewayExpired>(world.ask(1, kKey, claim_by(kNew, "c1")));
  EXPECT_EQ(*lease_of(world, kNew), tombstone);
}

TEST(EngineLease, ItIsRememberedForADayAndThenForgotten) {
  EngineWorld world({.gateways = {}});
  world.attach(0, kNew);
  world.run(80'000'000);
  EXPECT_TRUE(lease_of(world, kNew));
  world.run(10'000'000);
  EXPECT_FALSE(lease_of(world, kNew));
  const Tick last = tick_of(world);
  world.run(60'000);
  EXPECT_EQ(tick_of(world), last) << "nothing is pending any more";
}

TEST(EngineLease, ACallerWithoutAStreamIsKeptAliveByItsCalls) {
  EngineWorld world;
  const Generation generation = world.grant(0, kKey, kNew, State::kProcessingReady);
  std::uint64_t op = 0;
  for (int i = 0; i < 10; ++i) {
    world.run(7'000);
    const State to = i % 2 == 0 ? State::kIdle : State::kProcessingReady;
    world.expect<Done>(world.ask(0, kKey, advance(kNew, generation, ++op, to)));
  }
  EXPECT_FALSE(lease_of(world, kNew)->expired);
  world.run(20'000);
  EXPECT_TRUE(lease_of(world, kNew)->expired);
}

TEST(EngineLease, WhatNobodyKnowsOfARenewalIsSettledByWritingAgain) {
  for (const Ending ending : {Ending::kUnknownApplied, Ending::kUnknownLost,
                              Ending::kUnknownLate, Ending::kFailed}) {
    MemoryFaults faults;
    bool lost = false;
    faults.fate = [&lost, ending](const Entry& entry) {
      const bool now = std::exchange(lost, lost && entry.key != lease_key(kNew));
      const bool this_one = now && entry.key == lease_key(kNew);
      return Fate{.ending = this_one ? ending : Ending::kAnswered, .land_after_ms = 50};
    };
    EngineWorld world({.faults = faults});
    const StreamId stream = world.attach(0, kNew);
    world.run(3'000);
    lost = true;
    beat(world, stream, 1);
    world.run(3'000);
    beat(world, stream, 2);
    world.run(1'000);
    ASSERT_FALSE(world.heard<HeartbeatConfirmed>(stream).empty());
    EXPECT_EQ(world.heard<HeartbeatConfirmed>(stream).back().number, 2u);
    EXPECT_FALSE(lease_of(world, kNew)->expired);
  }
}

TEST(EngineLease, AnOwnerWithoutALeaseIsDeadAtThePositionWhereItsLeaseWouldBeSeen) {
  EngineWorld world;
  Record record{.state = State::kIdle, .subject = "alice", .owner = "gateway-nobody"};
  world.truth().apply({{.key = store_key(kKey), .record = encode(record)}});
  world.run(3'000);
  EXPECT_EQ(world.record(kKey)->owner, "");
  EXPECT_EQ(world.record(kKey)->state, State::kReconnecting);
}

// ---- what the notice of a late answer must not do ----

TEST(EngineFeedOrder, TheLateAnswerToACommitDoesNotBringBackWhatWasDeletedSince) {
  BareEngine bare;
  bare.start();
  const StartCommit claim =
      BareEngine::commit_of(bare.give(CommandGiven{9, kKey, claim_by("gateway-a", "c1")}));
  // It was applied at 2, another coordinator deleted it at 3; the feed says so first.
  bare.give(FeedChanged{{{"c/alice:1", 3, std::nullopt}}, Position{4}});
  bare.give(BareEngine::applied(claim, 2));
  EXPECT_EQ(bare.engine.replica().connections(), 0u);
}

}  // namespace
}  // namespace interlock
