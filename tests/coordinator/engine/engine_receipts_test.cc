// What becomes of events, runs and ends, as the engine says it to gateways, watchers and metrics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/engine/asking.h"
#include "tests/coordinator/engine/engine_world.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kKey = "alice:1";

Publish lives_for(const std::string& id, std::uint64_t ttl_ms) {
  Publish event = publish(id);
  event.ttl_ms = ttl_ms;
  return event;
}

TEST(EngineReceipts, AnEventWhoseTimeRanOutArrivesAsExpiredUnderItsNumber) {
  EngineWorld world;
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  world.expect<Receipt>(world.ask(0, kKey, lives_for("short", 1'000)));
  world.expect<Receipt>(world.ask(0, kKey, lives_for("long", 3'600'000)));
  world.run(5'000);
  const StreamId stream = world.open_stream(0, "gateway-a");
  world.give(0, StreamListed{.stream = stream,
                             .held = {{kKey, generation, 0, 0, 0}},
                             .pending_claims = {},
                             .end = true});
  world.run(100);
  std::vector<std::pair<Sequence, bool>> seen;
  for (const EventsDelivered& delivered : world.heard<EventsDelivered>(stream)) {
    for (const OutboxEvent& event : delivered.events) {
      seen.emplace_back(event.sequence, event.expired);
      EXPECT_EQ(event.payload.empty(), event.expired);
    }
  }
  EXPECT_THAT(seen, ElementsAre(std::pair(Sequence{1}, true), std::pair(Sequence{2}, false)));
}

TEST(EngineReceipts, ACompleteRunIsSaidOnceByWhoWroteItsEnd) {
  EngineWorld world;
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  for (std::uint64_t number = 1; number <= 5; ++number) {
    Publish event{.type = std::string(kAgentEvents[number - 1]), .payload = "{}", .run = "r"};
    event.number = number;
    world.expect<Receipt>(world.ask(0, kKey, event));
  }
  EXPECT_THAT(world.runs_over, IsEmpty());
  world.tell(0, kKey, Acknowledge{"gateway-a", generation, 5});
  world.run(5'000);
  ASSERT_THAT(world.runs_over, SizeIs(1));
  EXPECT_TRUE(world.runs_over[0].run.complete);
  EXPECT_EQ(world.runs_over[0].run.kinds, 31u);
}

TEST(EngineReceipts, AWatchOfDeliveriesHearsWhatWasHandedToTheGateway) {
  EngineWorld world;
  world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  world.give(0, WatchOpened{.watcher = 77, .key = kKey, .deliveries = true});
  world.expect<Receipt>(world.ask(0, kKey, publish("e1")));
  world.run(100);
  EXPECT_EQ(world.watched.back().sent, 0u) << "its gateway is not attached";
  const StreamId stream = world.attach(0, "gateway-b");
  const Generation generation = world.grant(0, kKey, "gateway-b", State::kProcessingReady);
  world.run(100);
  EXPECT_THAT(world.delivered(stream, kKey), ElementsAre(1));
  EXPECT_EQ(world.watched.back().sent, 1u);
  world.tell(0, kKey, Acknowledge{"gateway-b", generation, 1});
  world.run(5'000);
  EXPECT_EQ(world.watched.back().connection->record.acknowledged, 1u);
  world.give(0, WatchClosed{77});
  world.run();
  const std::size_t told = world.watched.size();
  world.run(5'000);
  EXPECT_EQ(world.watched.size(), told);
}

TEST(EngineReceipts, TheEndOfAMachineIsToldThroughWhoHasABackend) {
  EngineWorld world;
  Claim claim = claim_by("gateway-a", "c1");
  claim.through = State::kProcessingReady;
  claim.has_backend = true;
  const Generation generation = world.expect<Granted>(world.ask(0, kKey, claim)).generation;
  const StreamId without = world.attach(0, "gateway-b");
  const StreamId with = 4'711;
  world.give(0, StreamOpened{with, "gateway-new", 1024, "", true});
  world.run(100);
  world.expect<Done>(world.ask(0, kKey, fail("gateway-a", generation, 1)));
  world.run(100);
  EXPECT_THAT(world.heard<ClosedToTell>(without), IsEmpty());
  ASSERT_THAT(world.heard<ClosedToTell>(with), SizeIs(1));
  EXPECT_EQ(world.heard<ClosedToTell>(with)[0].generation, generation);
  world.run(31'000);
  EXPECT_THAT(world.heard<ClosedToTell>(with), SizeIs(2)) << "nobody has said that it was told";
  world.expect<Settled>(world.ask(0, kKey, ClosedTold{generation}));
  world.run(61'000);
  EXPECT_THAT(world.heard<ClosedToTell>(with), SizeIs(2));
  EXPECT_THAT(world.given_up, IsEmpty());
}

// A record remembers eight ids; within one write none is forgotten.
TEST(EngineReceipts, AStormOfClaimsInOneWriteDoesNotBringASpentOneBack) {
  EngineWorld world;
  world.grant(0, kKey, "gateway-a");
  world.expect<Granted>(world.ask(0, kKey, claim_by("gateway-a", "spent")));
  world.expect<Granted>(world.ask(0, kKey, claim_by("gateway-b", "present")));
  std::vector<Ticket> storm;
  for (int i = 1; i <= 12; ++i) {
    storm.push_back(world.ask(0, kKey, claim_by("gateway-a", "n" + std::to_string(i))));
  }
  const Ticket late = world.ask(0, kKey, claim_by("gateway-a", "spent"));
  const Ticket holder = world.ask(0, kKey, claim_by("gateway-b", "present"));
  world.expect_refusal<Stale>(late);
  world.expect_refusal<Stale>(holder);
  world.expect<Granted>(storm.back());
  EXPECT_EQ(world.record(kKey)->claim_id, "n12");
}

}  // namespace
}  // namespace interlock
