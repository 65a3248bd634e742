// Events on their way to the owner's gateway: when they flow, from where, and how many.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "tests/coordinator/engine/asking.h"
#include "tests/coordinator/engine/bare_engine.h"
#include "tests/coordinator/engine/engine_world.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kKey = "alice:1";

std::vector<Sequence> up_to(Sequence last) {
  std::vector<Sequence> sequences(last);
  std::iota(sequences.begin(), sequences.end(), 1);
  return sequences;
}
void publish_many(EngineWorld& world, std::size_t coordinator, int from, int count,
                  const std::string& payload = "{}") {
  for (int i = from; i < from + count; ++i) {
    world.expect<Receipt>(
        world.ask(coordinator, kKey, publish("e" + std::to_string(i), payload)));
  }
}
std::size_t reads_of(const std::string& trace) {
  std::size_t count = 0;
  for (std::size_t at = trace.find(" read "); at != std::string::npos;
       at = trace.find(" read ", at + 1)) {
    ++count;
  }
  return count;
}

TEST(EngineEvents, NothingFlowsBeforeItsOwnGenerationIsDurablyOperational) {
  EngineWorld world;
  const StreamId stream = world.attach(0, "gateway-a");
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kServicesReady);
  publish_many(world, 0, 1, 3);
  world.store(0).hold();
  const Ticket ready =
      world.ask(0, kKey, advance("gateway-a", generation, 1, State::kProcessingReady));
  world.run(10'000);
  EXPECT_THAT(world.delivered(stream, kKey), IsEmpty());
  world.store(0).release();
  world.expect<Done>(ready);
  EXPECT_THAT(world.delivered(stream, kKey), ElementsAre(1, 2, 3));
}

TEST(EngineEvents, ATakeoverStopsTheFlowUntilItsOwnGenerationIsOperational) {
  EngineWorld world;
  const StreamId old_stream = world.attach(0, "gateway-a");
  const StreamId new_stream = world.attach(0, "gateway-b");
  world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  publish_many(world, 0, 1, 2);
  const Generation now = world.grant(0, kKey, "gateway-b");
  publish_many(world, 0, 3, 1);
  EXPECT_THAT(world.delivered(old_stream, kKey), ElementsAre(1, 2));
  EXPECT_THAT(world.delivered(new_stream, kKey), IsEmpty());
  world.expect<Done>(world.ask(0, kKey, advance("gateway-b", now, 1, State::kProcessingReady)));
  EXPECT_THAT(world.delivered(old_stream, kKey), ElementsAre(1, 2));
  EXPECT_THAT(world.delivered(new_stream, kKey), ElementsAre(1, 2, 3));
}

TEST(EngineEvents, EventsComeFromWhicheverCoordinatorTookThem) {
  EngineWorld world({.coordinators = 2});
  const StreamId stream = world.attach(0, "gateway-a");
  world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  for (int i = 1; i <= 20; ++i) publish_many(world, i % 2, i, 1);
  world.run();
  EXPECT_EQ(world.delivered(stream, kKey), up_to(20));
  for (const auto& delivered : world.heard<EventsDelivered>(stream)) {
    for (const OutboxEvent& event : delivered.events) {
      EXPECT_EQ(event.id, "e" + std::to_string(event.sequence));
    }
  }
}

TEST(EngineEvents, WhatWasJustPublishedIsNotReadBack) {
  EngineWorld world({.keep_trace = true});
  const StreamId stream = world.attach(0, "gateway-a");
  world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  publish_many(world, 0, 1, 20);
  EXPECT_EQ(world.delivered(stream, kKey), up_to(20));
  EXPECT_EQ(reads_of(world.trace), 0u);
}

TEST(EngineEvents, AReAttachGoesOnBehindTheLastSequenceSent) {
  EngineWorld world({.coordinators = 2});
  const StreamId first = world.attach(0, "gateway-a");
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  publish_many(world, 0, 1, 10);
  world.run();
  world.give(0, StreamClosed{first});
  publish_many(world, 0, 11, 3);
  const StreamId second = world.open_stream(1, "gateway-a");
  world.give(1, StreamListed{.stream = second, .held = {{kKey, generation, 0, 7, 2}},
                             .pending_claims = {}, .end = true});
  world.run();
  EXPECT_THAT(world.delivered(second, kKey), ElementsAre(8, 9, 10, 11, 12, 13));
  // What the list says is acknowledged counts too.
  world.run(2'000);
  EXPECT_EQ(world.record(kKey)->acknowledged, 2u);
}

TEST(EngineEvents, NothingOfAListedConnectionFlowsBeforeItsEntryIsAnswered) {
  EngineWorld world;
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  publish_many(world, 0, 1, 3);
  const StreamId stream = world.open_stream(0, "gateway-a");
  world.run();
  publish_many(world, 0, 4, 1);
  EXPECT_THAT(world.delivered(stream, kKey), IsEmpty());
  world.store(0).hold();
  world.give(0, StreamListed{.stream = stream, .held = {{kKey, generation, 0, 3, 0}},
                             .pending_claims = {}, .end = true});
  world.run(1'000);
  EXPECT_THAT(world.delivered(stream, kKey), IsEmpty());
  world.store(0).release();
  world.run();
  EXPECT_THAT(world.delivered(stream, kKey), ElementsAre(4));
}

TEST(EngineEvents, AClaimThatIsRepeatedOnALaterStreamStartsTheFlowThere) {
  EngineWorld world;
  const StreamId first = world.attach(0, "gateway-a");
  world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  publish_many(world, 0, 1, 3);
  const Claim again = claim_by("gateway-b", "c2", State::kProcessingReady);
  world.attach(0, "gateway-b");
  world.expect<Granted>(world.ask(0, kKey, again));  // the answer is lost with its stream
  const StreamId second = world.open_stream(0, "gateway-b");
  world.give(0, StreamListed{.stream = second, .held = {}, .pending_claims = {{kKey, "c2"}},
                             .end = true});
  world.run();
  EXPECT_THAT(world.delivered(second, kKey), IsEmpty());
  world.expect<Granted>(world.ask(0, kKey, again));
  EXPECT_THAT(world.delivered(second, kKey), ElementsAre(1, 2, 3));
  EXPECT_THAT(world.delivered(first, kKey), ElementsAre(1, 2, 3));
}

TEST(EngineEvents, EventsComeBehindTheAnswerThatSaysTheyMayFlow) {
  BareEngine bare;
  bare.start();
  bare.attach(1, "gateway-a");
  std::vector<Input> both;
  both.emplace_back(
      CommandGiven{9, kKey, claim_by("gateway-a", "c1", State::kProcessingReady)});
  both.emplace_back(CommandGiven{10, kKey, publish("e1")});
  const StartCommit commit =
      BareEngine::commit_of(bare.engine.step(std::move(both), {bare.now_ms, 0}));
  // The feed shows it before the outcome is known.
  const Outputs early = bare.give(BareEngine::shown(commit, 2));
  EXPECT_THAT(BareEngine::of<StartRead>(early), IsEmpty());
  EXPECT_THAT(BareEngine::notices<EventsDelivered>(early), IsEmpty());
  const Outputs outputs = bare.give(BareEngine::applied(commit, 2));
  std::vector<std::size_t> order;
  for (const Output& output : outputs) {
    if (std::holds_alternative<Answered>(output)) order.push_back(1);
    const auto* notified = std::get_if<Notified>(&output);
    if (notified && std::holds_alternative<EventsDelivered>(notified->notice)) order.push_back(2);
  }
  EXPECT_THAT(order, ElementsAre(1, 1, 2));
}

TEST(EngineEvents, WhatTheFeedHasShownFirstFlowsOnceTheOutcomeIsKnown) {
  BareEngine bare;
  bare.start();
  bare.attach(1, "gateway-a");
  const StartCommit granted = BareEngine::commit_of(bare.give(
      CommandGiven{9, kKey, claim_by("gateway-a", "c1", State::kServicesReady)}));
  bare.give(BareEngine::applied(granted, 2));
  std::vector<Input> both;
  both.emplace_back(
      CommandGiven{10, kKey, advance("gateway-a", 1'002, 1, State::kProcessingReady)});
  both.emplace_back(CommandGiven{11, kKey, publish("e1")});
  const StartCommit commit =
      BareEngine::commit_of(bare.engine.step(std::move(both), {bare.now_ms, 0}));
  const Outputs early = bare.give(BareEngine::shown(commit, 3));
  EXPECT_THAT(BareEngine::notices<EventsDelivered>(early), IsEmpty());
  const Outputs outputs = bare.give(BareEngine::applied(commit, 3));
  EXPECT_THAT(BareEngine::notices<EventsDelivered>(outputs), SizeIs(1));
}

TEST(EngineEvents, BytesThatAreNotTakenOverHoldTheRestBack) {
  EngineWorld world;
  const StreamId stream = world.attach(0, "gateway-a", 10'000);
  world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  const std::string payload = '"' + std::string(3'000, 'x') + '"';
  publish_many(world, 0, 1, 10, payload);
  EXPECT_THAT(world.delivered(stream, kKey), ElementsAre(1, 2, 3, 4));
  std::uint64_t bytes = 0;
  for (const auto& events : world.heard<EventsDelivered>(stream)) bytes += events.payload_bytes;
  EXPECT_EQ(bytes, 4 * (payload.size() + kEventOverheadBytes));
  world.give(0, StreamCredit{stream, bytes});
  world.run();
  EXPECT_GT(world.delivered(stream, kKey).size(), 4u);
  world.give(0, StreamCredit{stream, 1'000'000});
  world.run();
  EXPECT_EQ(world.delivered(stream, kKey), up_to(10));
}

TEST(EngineEvents, WhatIsReadBackIsHeldBackJustTheSame) {
  EngineWorld world({.coordinators = 2});
  const std::string payload = '"' + std::string(30'000, 'x') + '"';
  std::vector<Generation> generations;
  for (int key = 0; key < 40; ++key) {
    const std::string name = "alice:" + std::to_string(key);
    world.grant(0, name, "gateway-a", State::kProcessingReady);
    for (int i = 0; i < 4; ++i) {
      world.expect<Receipt>(world.ask(0, name, publish(std::to_string(i), payload)));
    }
  }
  StreamListed list{.stream = world.open_stream(1, "gateway-a", 200'000),
                    .held = {}, .pending_claims = {}, .end = true};
  for (int key = 0; key < 40; ++key) {
    const std::string name = "alice:" + std::to_string(key);
    list.held.push_back({name, world.record(name)->generation, 0, 0, 0});
  }
  world.give(1, list);
  world.run(10'000);
  std::uint64_t bytes = 0;
  for (const auto& events : world.heard<EventsDelivered>(list.stream)) {
    bytes += events.payload_bytes;
  }
  // The last message may go above the credit, not forty of them.
  EXPECT_GE(bytes, 200'000u);
  EXPECT_LT(bytes, 400'000u);
  for (int round = 0; round < 100; ++round) {
    world.give(1, StreamCredit{list.stream, 100'000});
    world.run(10);
  }
  for (int key = 0; key < 40; ++key) {
    EXPECT_EQ(world.delivered(list.stream, "alice:" + std::to_string(key)), up_to(4));
  }
}

TEST(EngineEvents, ReadsThatBringTooLittleAreReadAgainAndNothingIsSkipped) {
  MemoryFaults faults;
  faults.short_reads = true;
  faults.random = [n = std::uint64_t{0}]() mutable { return ++n * 7 / 3; };
  faults.read_lag_ms = [] { return 2; };
  EngineWorld world({.coordinators = 2, .faults = faults});
  world.run(100);
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  publish_many(world, 0, 1, 300);
  const StreamId stream = world.open_stream(1, "gateway-a");
  world.give(1, StreamListed{.stream = stream, .held = {{kKey, generation, 0, 0, 0}},
                             .pending_claims = {}, .end = true});
  world.run(10'000);
  EXPECT_EQ(world.delivered(stream, kKey), up_to(300));
}

TEST(EngineEvents, AStoreThatCannotBeReadIsAskedAgainWithPauses) {
  EngineWorld world({.coordinators = 2, .keep_trace = true});
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  publish_many(world, 0, 1, 3);
  const StreamId stream = world.open_stream(1, "gateway-a");
  world.give(1, StreamListed{.stream = stream, .held = {{kKey, generation, 0, 1, 0}},
                             .pending_claims = {}, .end = true});
  // Cut off when the list has just been answered.
  while (world.heard<ListEnded>(stream).empty()) world.time.run_one(world.now_ms());
  world.store(1).set_away(Away::kFailed);
  world.run(10'000);
  EXPECT_THAT(world.delivered(stream, kKey), IsEmpty());
  EXPECT_LT(reads_of(world.trace), 40u);
  world.store(1).set_away(Away::kNo);
  world.run(3'000);
  EXPECT_THAT(world.delivered(stream, kKey), ElementsAre(2, 3));
}

TEST(EngineEvents, ANewLifeOfTheSequenceBeginsAtOne) {
  EngineWorld world;
  const StreamId stream = world.attach(0, "gateway-a");
  const Generation first = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  publish_many(world, 0, 1, 3);
  world.expect<Done>(world.ask(0, kKey, close("gateway-a", first, 1)));
  EXPECT_THAT(world.attachments(kKey), IsEmpty());
  const Generation second = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  publish_many(world, 0, 4, 2);
  std::vector<std::pair<Generation, std::string>> ids;
  for (const auto& delivered : world.heard<EventsDelivered>(stream)) {
    for (const OutboxEvent& event : delivered.events) {
      ids.emplace_back(delivered.generation, event.id);
    }
  }
  EXPECT_THAT(ids, ElementsAre(std::pair(first, "e1"), std::pair(first, "e2"),
                               std::pair(first, "e3"), std::pair(second, "e4"),
                               std::pair(second, "e5")));
}

TEST(EngineEvents, AClosedOutboxIsNotDelivered) {
  EngineWorld world;
  const StreamId stream = world.attach(0, "gateway-a", 0);  // no credit at all
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  publish_many(world, 0, 1, 3);
  world.expect<Done>(world.ask(0, kKey, close("gateway-a", generation, 1)));
  world.give(0, StreamCredit{stream, 1'000'000});
  world.run(10'000);
  EXPECT_THAT(world.delivered(stream, kKey), IsEmpty());
}

}  // namespace
}  // namespace interlock
