// Starting over a store, staying in step with it, and what operators look at.
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

std::string key_number(int i) {
  std::string number = std::to_string(i);
  return "alice:" + std::string(4 - number.size(), '0') + number;
}

// ---- starting ----

TEST(EngineStart, ANewStoreGetsItsBaseBeforeAnythingIsDecided) {
  EngineWorld world({.new_store = true});
  const Ticket claim = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  const Generation generation = world.expect<Granted>(claim).generation;
  ASSERT_GE(world.commits.size(), 2u);
  EXPECT_EQ(world.commits[0].batch[0].key, kBaseKey);
  EXPECT_GT(world.base(), 1'700'000'000'000'000u);
  EXPECT_EQ(generation, world.base() + world.truth().last_revision());
}

TEST(EngineStart, CoordinatorsThatRaceForTheBaseAgree) {
  EngineWorld world({.coordinators = 3, .new_store = true});
  world.run();
  EXPECT_THAT(world.commits, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(world.engine(i).ready());
    EXPECT_EQ(world.engine(i).replica().base(), world.base());
  }
}

TEST(EngineStart, ABaseWhoseOutcomeIsUnknownIsLookedUp) {
  for (const Ending ending :
       {Ending::kUnknownApplied, Ending::kUnknownLost, Ending::kFailed, Ending::kUnknownLate}) {
    MemoryFaults faults;
    faults.fate = [ending, first = true](const Entry&) mutable {
      return Fate{.ending = std::exchange(first, false) ? ending : Ending::kAnswered,
                  .land_after_ms = 100};
    };
    EngineWorld world({.coordinators = 2, .faults = faults, .new_store = true});
    world.run(5'000);
    EXPECT_TRUE(world.engine(0).ready());
    EXPECT_FALSE(world.engine(0).store_away());
    EXPECT_EQ(world.engine(0).replica().base(), world.base());
    EXPECT_EQ(world.engine(1).replica().base(), world.base());
    world.grant(0, kKey, "gateway-a");
  }
}

TEST(EngineStart, TheBaseMayComeInTheLastChunk) {
  BareEngine bare;
  EXPECT_THAT(BareEngine::of<StartLoad>(bare.nothing()), SizeIs(1));
  bare.give(RecordsLoaded{{loaded("c/alice:1", 7, bytes_of(State::kClosed))}});
  bare.give(RecordsLoaded{{loaded("c/alice:2", 9, bytes_of(State::kIdle, "gateway-a"))}});
  bare.give(RecordsLoaded{{base_record(1'000)}});
  const Outputs outputs = bare.give(LoadEnded{Position{9}});
  EXPECT_EQ(BareEngine::of<StartWatch>(outputs).at(0).from, Position{9});
  EXPECT_TRUE(bare.engine.ready());
  EXPECT_EQ(bare.engine.replica().record("c/alice:1")->generation, 1'007u);
  EXPECT_EQ(bare.engine.replica().record("c/alice:2")->generation, 1'009u);
}

TEST(EngineStart, WhatIsAskedWhileTheStoreIsBeingReadIsAnsweredAfterwards) {
  BareEngine bare;
  bare.nothing();
  EXPECT_THAT(bare.give(CommandGiven{1, kKey, Lookup{}}), IsEmpty());
  bare.give(RecordsLoaded{{base_record(1'000)}});
  EXPECT_THAT(bare.give(CommandGiven{2, "alice:2", Lookup{}}), IsEmpty());
  const auto commits = BareEngine::of<StartCommit>(bare.give(LoadEnded{Position{1}}));
  ASSERT_THAT(commits, SizeIs(1));
  EXPECT_THAT(commits[0].batch, SizeIs(2));
}

TEST(EngineStart, NothingWakesAnEngineThatCannotServeYet) {
  BareEngine bare;
  bare.nothing();
  bare.give(RecordsLoaded{{base_record(1'000)}});
  Record record{.state = State::kIdle, .subject = "alice", .owner = "gateway-a"};
  record.last_sequence = 3;
  record.outbox_sizes = {2, 2, 2};
  bare.give(RecordsLoaded{{loaded("c/alice:1", 7, encode(record))}});
  bare.give(CommandGiven{0, kKey, acknowledge("gateway-a", 1'007, 2)});
  EXPECT_EQ(bare.engine.wake_at_ms(), std::nullopt);
  bare.give(LoadEnded{Position{7}});
  EXPECT_EQ(bare.engine.wake_at_ms(), 2'000u);  // the next tick is due
}

TEST(EngineStart, AStoreThatIsAwayAtFirstIsReadWhenItIsBack) {
  EngineWorld world;
  world.store(0).set_away(Away::kFailed);
  const StreamId stream = world.open_stream(0, "gateway-a");
  const Ticket claim = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  world.run(60'000);
  EXPECT_FALSE(world.engine(0).ready());
  EXPECT_FALSE(world.answered(claim));
  world.store(0).set_away(Away::kNo);
  world.expect<Granted>(claim);
  const auto told = world.heard<StoreIsAway>(stream);
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_TRUE(told[0].away);
  EXPECT_FALSE(told[1].away);
}

TEST(EngineStart, WhatItCannotReadEndsTheProcess) {
  BareEngine damaged;
  damaged.nothing();
  EXPECT_THAT(BareEngine::of<Fatal>(damaged.give(LoadEnded{absl::DataLossError("torn")})),
              SizeIs(1));

  BareEngine no_base;
  no_base.nothing();
  no_base.give(RecordsLoaded{{loaded("c/alice:1", 7, bytes_of(State::kIdle))}});
  EXPECT_THAT(BareEngine::of<Fatal>(no_base.give(LoadEnded{Position{9}})), SizeIs(1));

  BareEngine bare;
  bare.nothing();
  bare.give(RecordsLoaded{{base_record(1'000)}});
  bare.give(LoadEnded{Position{1}});
  EXPECT_THAT(BareEngine::of<Fatal>(bare.give(
                  FeedChanged{{{"c/alice:1", 2, "no record"}}, Position{2}})),
              SizeIs(1));
  EXPECT_THAT(BareEngine::of<Fatal>(bare.give(FeedChanged{
                  {{std::string(kBaseKey), 3, encode_base(2'000)}}, Position{3}})),
              SizeIs(1));
}

// ---- the feed ----

TEST(EngineFeed, AResyncDropsWhatWasDeletedMeanwhileAndGoesOn) {
  EngineWorld world({.coordinators = 2});
  const StreamId stream = world.attach(1, "gateway-a");
  world.watch(1);
  const Generation kept = world.grant(0, "alice:kept", "gateway-a");
  const Generation gone = world.grant(0, "alice:gone", "gateway-a");
  world.run();
  world.store(1).set_away(Away::kFailed);  // the feed is silent, and its position gets lost
  world.expect<Done>(world.ask(0, "alice:gone", close("gateway-a", gone, 1)));
  world.expect<Settled>(world.ask(0, "alice:gone", Forget{gone}));
  world.expect<Done>(
      world.ask(0, "alice:kept", advance("gateway-a", kept, 1, State::kAccepted)));
  world.truth().forget_feed();
  world.grant(0, "alice:new", "gateway-b");
  world.run();
  EXPECT_EQ(world.engine(1).replica().connections(), 2u);
  world.watched.clear();

  world.store(1).set_away(Away::kNo);
  world.run(2'000);
  EXPECT_EQ(world.engine(1).replica().connections(), 2u);
  EXPECT_EQ(world.engine(1).replica().record("c/alice:gone"), nullptr);
  EXPECT_EQ(world.engine(1).replica().record("c/alice:kept")->state, State::kAccepted);
  const auto released = world.heard<Released>(stream);
  ASSERT_THAT(released, SizeIs(1));
  EXPECT_EQ(released[0].key, "alice:gone");
  bool removal_seen = false;
  for (const Watched& one : world.watched) {
    if (one.key == "alice:gone") removal_seen = !one.connection;
  }
  EXPECT_TRUE(removal_seen);
  // The feed goes on.
  world.grant(0, "alice:newer", "gateway-b");
  world.run();
  EXPECT_EQ(world.engine(1).replica().connections(), 3u);
}

TEST(EngineFeed, AnOutageDuringAResyncIsWaitedOut) {
  EngineWorld world({.coordinators = 2});
  world.grant(0, kKey, "gateway-a");
  world.store(1).lose_feed("for the test");
  world.store(1).set_away(Away::kUnknown);
  const Ticket look = world.ask(1, kKey, Lookup{});
  world.run(60'000);
  EXPECT_FALSE(world.answered(look));
  world.grant(0, "alice:2", "gateway-a");
  world.store(1).set_away(Away::kNo);
  world.run(1'000);
  world.expect<Found>(look);
  world.run(2'000);
  EXPECT_EQ(world.engine(1).replica().connections(), 2u);
}

// ---- looking ----

class Looking : public testing::Test {
 protected:
  Scanned scan(std::string after, std::uint32_t limit, bool live_only = false) {
    world.scans.clear();
    world.give(0, ScanAsked{.ticket = ++ticket,
                            .after = std::move(after),
                            .limit = limit,
                            .live_only = live_only});
    world.run();
    return world.scans.at(0);
  }
  std::vector<std::string> scan_all(std::uint32_t limit, bool live_only = false) {
    std::vector<std::string> keys;
    std::string after;
    do {
      const Scanned slice = scan(after, limit, live_only);
      for (const SeenConnection& seen : slice.connections) keys.push_back(seen.key);
      after = slice.next;
    } while (!after.empty());
    return keys;
  }
  void make(int count) {
    for (int i = 0; i < count; ++i) {
      const Generation generation = world.grant(0, key_number(i), "gateway-a");
      if (i % 3 == 0) {
        world.expect<Done>(world.ask(0, key_number(i), close("gateway-a", generation, 1)));
      }
    }
  }

  EngineWorld world{{.limits = {.scan_records_max = 7, .scan_visits_max = 10}}};
  Ticket ticket = 1'000'000;
};

TEST_F(Looking, ScansGoThroughEverythingInSlicesAndInOrder) {
  make(30);
  std::vector<std::string> all;
  std::vector<std::string> live;
  for (int i = 0; i < 30; ++i) {
    all.push_back(key_number(i));
    if (i % 3 != 0) live.push_back(key_number(i));
  }
  EXPECT_EQ(scan_all(100), all);
  EXPECT_EQ(scan_all(1), all);
  EXPECT_EQ(scan_all(100, true), live);
  EXPECT_THAT(scan("", 100).connections, SizeIs(7));
  EXPECT_THAT(scan("", 3).connections, SizeIs(3));
  EXPECT_THAT(scan("", 0).connections, SizeIs(1));
  EXPECT_THAT(scan("", 100, true).connections, SizeIs(testing::Le(7u)));
}

TEST_F(Looking, ASliceLooksAtNoMoreThanItMay) {
  for (int i = 0; i < 25; ++i) {
    const Generation generation = world.grant(0, key_number(i), "gateway-a");
    if (i < 24) world.expect<Done>(world.ask(0, key_number(i), close("gateway-a", generation, 1)));
  }
  const Scanned first = scan("", 7, true);
  EXPECT_THAT(first.connections, IsEmpty());
  EXPECT_EQ(first.next, key_number(9));
  EXPECT_THAT(scan_all(7, true), ElementsAre(key_number(24)));
}

TEST_F(Looking, APlaceInAScanOutlivesWhatIsAddedAndDeletedAroundIt) {
  make(12);
  const Scanned first = scan("", 6);
  ASSERT_EQ(first.next, key_number(5));
  // The very key that the place names goes, and others come before and behind it.
  const Generation generation = world.record(key_number(5))->generation;
  world.expect<Done>(world.ask(0, key_number(5), close("gateway-a", generation, 1)));
  world.expect<Settled>(world.ask(0, key_number(5), Forget{generation}));
  world.grant(0, "alice:0004b", "gateway-a");
  world.grant(0, "alice:0005b", "gateway-a");
  std::vector<std::string> rest;
  for (const SeenConnection& seen : scan(first.next, 6).connections) rest.push_back(seen.key);
  EXPECT_THAT(rest, ElementsAre("alice:0005b", key_number(6), key_number(7), key_number(8),
                                key_number(9), key_number(10)));
}

TEST_F(Looking, AnObserverSeesWhatIsKnownAndWhetherItsGatewayIsAttached) {
  world.attach(0, "gateway-a");
  world.grant(0, kKey, "gateway-a");
  world.store(0).hold();
  world.give(0, ObserveAsked{1, kKey});
  world.give(0, ObserveAsked{2, "alice:unknown"});
  world.run();
  ASSERT_THAT(world.observed, SizeIs(2));
  EXPECT_TRUE(world.observed[0].connection->owner_attached);
  EXPECT_EQ(world.observed[0].connection->record.owner, "gateway-a");
  EXPECT_EQ(world.observed[1].connection, std::nullopt);
}

std::vector<State> states_seen(const EngineWorld& world, WatcherId watcher) {
  std::vector<State> states;
  for (const Watched& one : world.watched) {
    if (one.watcher != watcher) continue;
    for (const Transition& step : one.steps) states.push_back(step.to);
  }
  return states;
}

TEST(EngineWatch, WatchersSeeEveryDurableStepOnceAndInOrder) {
  EngineWorld world({.coordinators = 2});
  world.run();
  const WatcherId near = world.watch(0, kKey);
  const WatcherId far = world.watch(1, kKey);
  const WatcherId all = world.watch(1);
  world.store(0).hold();
  const Ticket claim = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  world.run(1'000);
  EXPECT_THAT(world.watched, IsEmpty());
  world.store(0).release();
  const Generation generation = world.expect<Granted>(claim).generation;
  const State steps[] = {State::kAccepted, State::kAuthenticated, State::kServicesReady,
                         State::kProcessingReady};
  for (std::uint64_t op = 1; op <= 4; ++op) {
    world.ask(0, kKey, advance("gateway-a", generation, op, steps[op - 1]));
  }
  for (int run = 0; run < 3; ++run) {
    world.ask(1, kKey, run_event("run " + std::to_string(run), 1, "agent_started"));
    world.ask(1, kKey, run_event("run " + std::to_string(run), 2, "agent_completed"));
    world.run();
  }
  world.ask(0, kKey, close("gateway-a", generation, 5));
  world.run();
  world.ask(0, kKey, Forget{generation});
  world.grant(0, "alice:other", "gateway-a");
  world.run();

  std::vector<State> happened;
  for (const Happened& one : world.happened) {
    if (one.key == kKey) happened.push_back(one.step.to);
  }
  EXPECT_THAT(happened, SizeIs(1 + 4 + 6 + 2));
  EXPECT_EQ(states_seen(world, near).size(), states_seen(world, far).size());
  EXPECT_EQ(states_seen(world, all).size(), states_seen(world, far).size() + 1);
  EXPECT_THAT(states_seen(world, far),
              ElementsAre(State::kConnecting, State::kAccepted, State::kAuthenticated,
                          State::kServicesReady, State::kProcessingReady, State::kProcessing,
                          State::kProcessingReady, State::kProcessing, State::kProcessingReady,
                          State::kProcessing, State::kProcessingReady, State::kClosing,
                          State::kClosed));
}

TEST(EngineWatch, RunsThatEndWithinOneWriteDoNotShowOlderStepsAgain) {
  EngineWorld world;
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  ASSERT_GT(generation, 0u);
  const WatcherId watcher = world.watch(0, kKey);
  for (int run = 0; run < 3; ++run) {
    world.ask(0, kKey, run_event("run " + std::to_string(run), 1, "agent_started"));
    world.ask(0, kKey, run_event("run " + std::to_string(run), 2, "agent_completed"));
  }
  world.run();
  EXPECT_THAT(states_seen(world, watcher),
              ElementsAre(State::kProcessing, State::kProcessingReady));
  ASSERT_THAT(world.watched, SizeIs(1));
  EXPECT_EQ(world.watched[0].steps[0].count, 3u);
  EXPECT_THAT(world.happened, SizeIs(testing::Ge(6u)));
}

TEST(EngineWatch, ARemovalIsSeenOnceAndAnUnknownKeyIsNoRemoval) {
  EngineWorld world({.coordinators = 2});
  const Generation generation = world.grant(0, kKey, "gateway-a");
  world.expect<Done>(world.ask(0, kKey, close("gateway-a", generation, 1)));
  world.watch(1, kKey);
  const WatcherId over = world.watch(1, kKey);
  world.give(1, WatchClosed{over});
  world.run();
  world.expect<Settled>(world.ask(0, kKey, Forget{generation}));
  world.run();
  world.expect_refusal<NotFound>(world.ask(1, kKey, Lookup{}));
  ASSERT_THAT(world.watched, SizeIs(1));
  EXPECT_EQ(world.watched[0].connection, std::nullopt);
}

}  // namespace
}  // namespace interlock
