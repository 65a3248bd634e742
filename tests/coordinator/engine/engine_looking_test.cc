// What operators see and steer, through the engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "coordinator/engine/connection_filter.h"
#include "coordinator/engine/record_codec.h"
#include "tests/coordinator/engine/asking.h"
#include "tests/coordinator/engine/engine_world.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kGateway = "gateway-a";
const std::string kOther = "gateway-b";

std::shared_ptr<const ConnectionFilter> filter(const std::string& text) {
  return std::make_shared<const ConnectionFilter>(*ConnectionFilter::parse(text));
}

std::vector<std::string> keys_of(const Scanned& scanned) {
  std::vector<std::string> keys;
  for (const SeenConnection& seen : scanned.connections) keys.push_back(seen.key);
  return keys;
}

Scanned scan(EngineWorld& world, ScanAsked asked) {
  asked.ticket = 900'000 + world.scans.size();
  asked.limit = asked.limit == 0 ? 200 : asked.limit;
  world.give(0, std::move(asked));
  world.run();
  return world.scans.back();
}

TEST(EngineLooking, AScanFollowsItsFilter) {
  EngineWorld world;
  world.grant(0, "alice:1", kGateway, State::kProcessingReady);
  world.grant(0, "alice:2", kOther, State::kProcessingReady);
  world.grant(0, "bob:1", kGateway, State::kConnecting);
  EXPECT_THAT(keys_of(scan(world, {.filter = filter("gateway = gateway-a")})),
              ElementsAre("alice:1", "bob:1"));
  EXPECT_THAT(keys_of(scan(world, {.filter = filter("operational")})),
              ElementsAre("alice:1", "alice:2"));
  const Scanned prefix = scan(world, {.filter = filter("key = bob:*")});
  EXPECT_THAT(keys_of(prefix), ElementsAre("bob:1"));
  EXPECT_EQ(prefix.visited, 1u) << "what cannot match is not looked at";
  EXPECT_THAT(keys_of(scan(world, {.filter = filter("key = alice:1")})), ElementsAre("alice:1"));
  EXPECT_THAT(keys_of(scan(world, {.after = "alice:1", .filter = filter("key = alice:*")})),
              ElementsAre("alice:2"));
}

TEST(EngineLooking, OneScanLooksAtSoManyRecordsOnly) {
  EngineWorld::Setup setup;
  setup.limits.scan_visits_max = 5;
  EngineWorld world(setup);
  for (int i = 0; i < 12; ++i) world.grant(0, "alice:" + std::to_string(10 + i), kGateway);
  std::string after;
  std::vector<std::uint32_t> visited;
  std::vector<std::string> found;
  do {
    const Scanned slice = scan(world, {.after = after, .filter = filter("key != alice:1*")});
    visited.push_back(slice.visited);
    for (const std::string& key : keys_of(slice)) found.push_back(key);
    after = slice.next;
  } while (!after.empty());
  EXPECT_THAT(visited, ElementsAre(5, 5, 2));
  EXPECT_THAT(found, ElementsAre("alice:20", "alice:21"));
}

TEST(EngineLooking, AWatchWithAFilterShowsWhatComesAndWhatLeaves) {
  EngineWorld world;
  const Generation generation = world.grant(0, "alice:1", kGateway, State::kProcessingReady);
  world.give(0, WatchOpened{.watcher = 5, .key = {}, .filter = filter("state = IDLE")});
  world.run();
  auto advance_to = [&, op = 0](State to) mutable {
    Operate operate{.gateway_id = kGateway, .generation = generation};
    operate.operations.push_back(
        {.op = static_cast<std::uint64_t>(++op), .kind = Operation::Kind::kAdvance, .to = to});
    world.expect<Done>(world.ask(0, "alice:1", operate));
  };
  EXPECT_THAT(world.watched, IsEmpty());
  advance_to(State::kIdle);
  ASSERT_EQ(world.watched.size(), 1u);
  EXPECT_FALSE(world.watched[0].left);
  advance_to(State::kProcessingReady);
  ASSERT_EQ(world.watched.size(), 2u);
  EXPECT_TRUE(world.watched[1].left);
  advance_to(State::kDegraded);
  EXPECT_EQ(world.watched.size(), 2u);
}

TEST(EngineLooking, AResumedWatchIsToldOfRemovalsAndTheScanOfWhatChanged) {
  EngineWorld::Setup setup;
  setup.limits.removals_kept_max = 2;
  EngineWorld world(setup);
  for (const char* key : {"alice:1", "alice:2", "alice:3", "alice:4"}) {
    const Generation generation = world.grant(0, key, kGateway, State::kProcessingReady);
    Operate close{.gateway_id = kGateway, .generation = generation};
    close.operations.push_back(
        {.op = 1, .kind = Operation::Kind::kClose, .reason = Reason::kClientDone});
    world.expect<Done>(world.ask(0, key, close));
  }
  const Revision before = world.engine(0).replica().find(store_key("alice:4"))->revision;
  world.grant(0, "alice:5", kGateway);
  const auto forget = [&](const char* key) {
    const Generation generation = world.record(key)->generation;
    world.expect<Settled>(world.ask(0, key, Forget{generation}));
  };
  forget("alice:1");
  forget("alice:2");
  world.give(0, WatchOpened{.watcher = 5, .key = {}, .resume_from = before});
  world.run();
  std::vector<std::string> removed;
  for (const Watched& one : world.watched) {
    EXPECT_FALSE(one.missed);
    EXPECT_FALSE(one.connection.has_value());
    removed.push_back(one.key);
  }
  EXPECT_THAT(removed, ElementsAre("alice:1", "alice:2"));
  EXPECT_THAT(keys_of(scan(world, {.newer_than = before})), ElementsAre("alice:5"));

  // One more than are remembered: whoever resumes from before it is told that some are missing.
  forget("alice:3");
  world.watched.clear();
  world.give(0, WatchOpened{.watcher = 6, .key = {}, .resume_from = before});
  world.run();
  ASSERT_FALSE(world.watched.empty());
  const auto missed = std::find_if(world.watched.begin(), world.watched.end(),
                                   [](const Watched& one) { return one.missed; });
  EXPECT_NE(missed, world.watched.end());
}

TEST(EngineLooking, AKickReachesTheGatewayWithItsCode) {
  EngineWorld world;
  const StreamId stream = world.attach(0, kGateway);
  const Generation generation = world.grant(0, "alice:1", kGateway, State::kProcessingReady);
  Steer kick{.kind = Steer::Kind::kKick,
             .generation = generation,
             .code = 4502,
             .may_return = false,
             .note = "olga: spam"};
  world.expect<Settled>(world.ask(0, "alice:1", kick));
  const auto released = world.heard<Released>(stream);
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(released[0].why.close_code, 4502u);
  EXPECT_EQ(released[0].why.reason, Reason::kKicked);
  EXPECT_EQ(world.record("alice:1")->transitions.back().note, "olga: spam") << "durably";
}

TEST(EngineLooking, AKickThroughAnyCoordinatorReachesTheGatewayAtAnother) {
  EngineWorld::Setup setup;
  setup.coordinators = 2;
  EngineWorld world(setup);
  const StreamId stream = world.attach(1, kGateway);
  const Generation generation = world.grant(1, "alice:1", kGateway, State::kProcessingReady);
  world.run(50);
  Steer kick{.kind = Steer::Kind::kKick,
             .generation = generation,
             .code = 4006,
             .may_return = true,
             .note = "olga: test"};
  world.expect<Settled>(world.ask(0, "alice:1", kick));
  world.run(50);
  const auto released = world.heard<Released>(stream);
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(released[0].why.close_code, 4006u);
}

TEST(EngineLooking, ADrainIsDurableAndToldOnEveryStreamOfItsGateway) {
  EngineWorld::Setup setup;
  setup.coordinators = 2;
  EngineWorld world(setup);
  const StreamId first = world.attach(1, kGateway);
  world.run(50);
  world.give(0, DrainAsked{.ticket = 77, .gateway_id = kGateway, .per_s = 25});
  world.run(100);
  ASSERT_TRUE(world.answered(77));
  EXPECT_TRUE(std::holds_alternative<Settled>(world.answers[77].front().answer));
  ASSERT_EQ(world.heard<GatewayToDrain>(first).size(), 1u);
  EXPECT_EQ(world.heard<GatewayToDrain>(first)[0].per_s, 25u);
  const StreamId second = world.attach(0, kGateway);
  ASSERT_EQ(world.heard<GatewayToDrain>(second).size(), 1u) << "it attaches elsewhere";
  EXPECT_EQ(world.engine(0).leases().find(kGateway)->draining_per_s, 25u);
  world.run(30'000);
  EXPECT_EQ(world.heard<GatewayToDrain>(second).size(), 1u) << "not with every renewal";
}

TEST(EngineLooking, WhatAGatewaySaysOfItselfStandsWithItsLeaseAtEveryCoordinator) {
  EngineWorld::Setup setup;
  setup.coordinators = 2;
  setup.gateways = {};
  EngineWorld world(setup);
  const StreamId stream = world.attach(0, "gateway-z");
  world.run(2'500);
  world.give(0, StreamHeartbeat{stream, 1, "much to do"});
  world.run(100);
  for (const std::size_t coordinator : {0u, 1u}) {
    const Lease* lease = world.engine(coordinator).leases().find("gateway-z");
    ASSERT_NE(lease, nullptr);
    EXPECT_EQ(lease->load, "much to do");
  }
  world.run(2'500);
  world.give(0, StreamHeartbeat{stream, 2});
  world.run(100);
  EXPECT_EQ(world.engine(1).leases().find("gateway-z")->load, "much to do")
      << "one that says nothing takes nothing back";
}

OutboxSeen outbox(EngineWorld& world, OutboxAsked asked) {
  asked.ticket = 800'000 + world.outboxes.size();
  world.give(0, std::move(asked));
  world.run(100);
  return world.outboxes.back();
}

TEST(EngineLooking, AnOutboxIsShownWithWhatWaitsInItFromWhereOneAsks) {
  EngineWorld world;
  const Generation generation = world.grant(0, "alice:1", kGateway, State::kProcessingReady);
  for (const char* id : {"a", "b", "c", "d"}) {
    world.expect<Receipt>(world.ask(0, "alice:1", publish(id, std::string("\"") + id + "\"")));
  }
  const auto numbers = [](const OutboxSeen& seen) {
    std::vector<Sequence> all;
    for (const OutboxEvent& event : *seen.events) all.push_back(event.sequence);
    return all;
  };
  const OutboxSeen all = outbox(world, {.key = "alice:1", .limit = 64});
  ASSERT_TRUE(all.events.ok());
  EXPECT_THAT(numbers(all), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(all.events->at(1).payload, "\"b\"");
  EXPECT_THAT(numbers(outbox(world, {.key = "alice:1", .after = 1, .limit = 2})),
              ElementsAre(2, 3));
  world.expect<Settled>(world.ask(
      0, "alice:1", acknowledge(kGateway, generation, 3)));
  world.run(3'000);
  EXPECT_THAT(numbers(outbox(world, {.key = "alice:1", .limit = 64})), ElementsAre(4));
  EXPECT_FALSE(outbox(world, {.key = "alice:nobody", .limit = 64}).connection.has_value());
}

TEST(EngineLooking, WhatWaitsInAllOutboxesAndWhatIsAcknowledgedIsCounted) {
  EngineWorld world;
  const Generation generation = world.grant(0, "alice:1", kGateway, State::kProcessingReady);
  world.grant(0, "alice:2", kGateway, State::kProcessingReady);
  for (const char* id : {"a", "b", "c"}) {
    world.expect<Receipt>(world.ask(0, "alice:1", publish(id, "[1]")));
  }
  world.expect<Receipt>(world.ask(0, "alice:2", publish("a", "[12]")));
  EXPECT_EQ(world.engine(0).tally().outbox_events, 4u);
  EXPECT_EQ(world.engine(0).tally().outbox_bytes, 13u);
  world.expect<Settled>(world.ask(
      0, "alice:1", acknowledge(kGateway, generation, 2)));
  world.run(3'000);
  EXPECT_EQ(world.engine(0).tally().outbox_events, 2u);
  EXPECT_EQ(world.engine(0).tally().outbox_bytes, 7u);
  EXPECT_EQ(world.engine(0).tally().acknowledged, 2u);
}

TEST(EngineLooking, ForHowLongNothingWasAcknowledgedIsShownAndCanBeAskedFor) {
  EngineWorld world;
  world.grant(0, "alice:1", kGateway, State::kProcessingReady);
  world.grant(0, "alice:2", kGateway, State::kProcessingReady);
  world.expect<Receipt>(world.ask(0, "alice:1", publish("a", "1")));
  EXPECT_THAT(keys_of(scan(world, {.filter = filter("unacknowledged > 30s")})), IsEmpty());
  world.run(60'000);
  const Scanned late = scan(world, {.filter = filter("unacknowledged > 30s")});
  ASSERT_THAT(keys_of(late), ElementsAre("alice:1"));
  EXPECT_GE(late.connections.front().unacknowledged_ms, 50'000u);
  EXPECT_LE(late.connections.front().unacknowledged_ms, 61'000u);
  EXPECT_EQ(scan(world, {.filter = filter("key = alice:2")}).connections[0].unacknowledged_ms, 0u)
      << "nothing waits there";
}

TEST(EngineLooking, KeysThatAreTakenOverTooOftenAreNamedUntilTheyRest) {
  EngineWorld::Setup setup;
  setup.limits_on = true;
  EngineWorld world(setup);
  world.grant(0, "alice:quiet", kGateway);
  for (int i = 0; i < 12; ++i) {
    world.ask(0, "alice:1", claim_by(i % 2 == 0 ? kGateway : kOther, "claim-" + std::to_string(i)));
    world.run(20);
  }
  world.run(2'000);
  EXPECT_THAT(world.engine(0).tally().flapping_keys, ElementsAre("alice:1"));
  EXPECT_EQ(world.engine(0).tally().flapping, 1u);
  EXPECT_EQ(world.engine(0).tally().takeovers_damped, 1u);
  world.run(60'000);
  EXPECT_EQ(world.engine(0).tally().flapping, 0u) << "it has rested";
}

TEST(EngineLooking, AnIdleWatchHearsNowAndThenFromWhereItCouldGoOn) {
  EngineWorld world;
  world.grant(0, "alice:1", kGateway);
  world.give(0, WatchOpened{.watcher = 5, .key = {}, .bookmarks = true});
  world.give(0, WatchOpened{.watcher = 6, .key = {}});
  world.run(30'000);
  std::vector<Revision> marks;
  for (const Watched& one : world.watched) {
    EXPECT_EQ(one.watcher, 5u) << "nobody else asked for them";
    EXPECT_TRUE(one.bookmark);
    marks.push_back(one.through);
  }
  ASSERT_GE(marks.size(), 2u);
  EXPECT_LE(marks.size(), 4u);
  EXPECT_LT(marks.front(), marks.back()) << "what it would have to go through again does not grow";
}

TEST(EngineLooking, AGatewayThatDoesNotExistIsNotDrained) {
  EngineWorld world;
  world.give(0, DrainAsked{.ticket = 78, .gateway_id = "nobody", .per_s = 25});
  world.run(100);
  ASSERT_TRUE(world.answered(78));
  const auto* refusal = std::get_if<Refusal>(&world.answers[78].front().answer);
  ASSERT_NE(refusal, nullptr);
  EXPECT_TRUE(std::holds_alternative<NotFound>(*refusal));
}

}  // namespace
}  // namespace interlock
