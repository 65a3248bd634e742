// What a gateway is told when it attaches, and of what happens to its connections afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/engine/asking.h"
#include "tests/coordinator/engine/bare_engine.h"
#include "tests/coordinator/engine/engine_world.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kKey = "alice:1";

StreamListed list_of(StreamId stream, std::vector<ListedConnection> held,
                     std::vector<ListedClaim> claims = {}, bool end = true) {
  return {stream, std::move(held), std::move(claims), end};
}
template <class Kind>
Kind answer_to(const EngineWorld& world, StreamId stream, const std::string& key,
               Generation generation) {
  for (const auto& listed : world.heard<ListAnswered>(stream)) {
    if (listed.key != key || listed.generation != generation) continue;
    const auto* kind = std::get_if<Kind>(&listed.answer);
    EXPECT_NE(kind, nullptr) << key << " was answered otherwise";
    return kind == nullptr ? Kind{} : *kind;
  }
  ADD_FAILURE() << key << " was not answered";
  return {};
}

// ---- the list ----

TEST(EngineAttach, WhatIsStillItsOwnIsKept) {
  EngineWorld world;
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  world.expect<Receipt>(world.ask(0, kKey, publish("e1")));
  world.expect<Done>(world.ask(0, kKey, advance("gateway-a", generation, 1, State::kIdle)));
  const StreamId stream = world.open_stream(0, "gateway-a");
  world.give(0, list_of(stream, {{kKey, generation, 1, 1, 0}}));
  world.run();
  const Kept kept = answer_to<Kept>(world, stream, kKey, generation);
  EXPECT_EQ(kept.state, State::kIdle);
  EXPECT_EQ(kept.last_op, 1u);
  EXPECT_EQ(kept.acknowledged, 0u);
  EXPECT_EQ(kept.last_sequence, 1u);
  EXPECT_THAT(world.heard<ListEnded>(stream), SizeIs(1));
}

TEST(EngineAttach, WhatANewerClaimHasTakenIsSuperseded) {
  EngineWorld world({.coordinators = 2});
  const Generation old = world.grant(0, kKey, "gateway-a");
  const Generation now = world.grant(1, kKey, "gateway-b");
  const StreamId stream = world.open_stream(0, "gateway-a");
  world.give(0, list_of(stream, {{kKey, old, 0, 0, 0}}));
  world.run();
  EXPECT_EQ(answer_to<SupersededBy>(world, stream, kKey, old).generation, now);
}

TEST(EngineAttach, WhatHasEndedOrIsUnknownIsReleased) {
  EngineWorld world;
  const Generation left = world.grant(0, "alice:left", "gateway-a", State::kProcessingReady);
  const Generation gone = world.grant(0, "alice:gone", "gateway-a");
  world.expect<Done>(world.ask(0, "alice:left", detach("gateway-a", left, 1)));
  world.expect<Done>(world.ask(0, "alice:gone", close("gateway-a", gone, 1)));
  world.expect<Settled>(world.ask(0, "alice:gone", Forget{gone}));
  const StreamId stream = world.open_stream(0, "gateway-a");
  world.give(0, list_of(stream, {{"alice:left", left, 0, 0, 0}, {"alice:gone", gone, 0, 0, 0}}));
  world.run();
  EXPECT_EQ(answer_to<ReleasedFor>(world, stream, "alice:left", left).reason, Reason::kSocketLost);
  EXPECT_EQ(answer_to<ReleasedFor>(world, stream, "alice:gone", gone).close_code, 4005u);
}

TEST(EngineAttach, TheListIsCheckedByTheStoreNotByALaggingMemory) {
  MemoryFaults faults;
  faults.feed_lag_ms = [] { return 60'000; };
  EngineWorld world({.coordinators = 2, .faults = faults});
  world.run();
  world.grant(1, kKey, "gateway-old");
  const Generation generation = world.grant(0, kKey, "gateway-a");
  // Coordinator 1 still believes in the old owner, and knows nothing of the other key.
  const Generation other = world.grant(0, "alice:2", "gateway-a");
  const StreamId stream = world.open_stream(1, "gateway-a");
  world.give(1, list_of(stream, {{kKey, generation, 0, 0, 0}, {"alice:2", other, 0, 0, 0}}));
  world.run();
  answer_to<Kept>(world, stream, kKey, generation);
  answer_to<Kept>(world, stream, "alice:2", other);
}

TEST(EngineAttach, WhatItDoesNotListIsDetached) {
  EngineWorld world;
  world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  const Generation listed = world.grant(0, "alice:2", "gateway-a");
  world.grant(0, "alice:3", "gateway-b");
  const StreamId stream = world.open_stream(0, "gateway-a");
  world.give(0, list_of(stream, {{"alice:2", listed, 0, 0, 0}}));
  world.run();
  EXPECT_EQ(world.record(kKey)->owner, "");
  EXPECT_EQ(world.record(kKey)->state, State::kReconnecting);
  EXPECT_EQ(world.record("alice:2")->owner, "gateway-a");
  EXPECT_EQ(world.record("alice:3")->owner, "gateway-b");
  // It knows already that it does not hold it.
  EXPECT_THAT(world.heard<Released>(stream), IsEmpty());
}

TEST(EngineAttach, WhatItDoesNotListIsDetachedAlsoWhenEventsCameSince) {
  EngineWorld world;
  const Generation listed = world.grant(0, "alice:2", "gateway-a");
  world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  const StreamId stream = world.open_stream(0, "gateway-a");
  world.run();
  world.expect<Receipt>(world.ask(0, kKey, publish("e1")));
  world.give(0, list_of(stream, {{"alice:2", listed, 0, 0, 0}}));
  world.run();
  EXPECT_EQ(world.record(kKey)->owner, "");
}

TEST(EngineAttach, AnotherGenerationInTheListDoesNotStandForTheOneThatIsMissing) {
  EngineWorld world;
  const Generation old = world.grant(0, kKey, "gateway-a");
  world.grant(0, kKey, "gateway-a");  // its answer was lost, and nobody waits for it
  const StreamId stream = world.open_stream(0, "gateway-a");
  world.give(0, list_of(stream, {{kKey, old, 0, 0, 0}}));
  world.run();
  EXPECT_EQ(world.record(kKey)->owner, "");
}

TEST(EngineAttach, GrantsSinceTheListBeganAndClaimsThatArePendingAreNotTouched) {
  EngineWorld world;
  world.expect<Granted>(world.ask(0, "alice:pending", claim_by("gateway-a", "pending")));
  const StreamId stream = world.open_stream(0, "gateway-a");
  world.run();
  world.give(0, list_of(stream, {}, {{"alice:pending", "pending"}}, false));
  world.grant(0, "alice:newer", "gateway-a");
  world.give(0, list_of(stream, {}));
  world.run();
  EXPECT_EQ(world.record("alice:pending")->owner, "gateway-a");
  EXPECT_EQ(world.record("alice:newer")->owner, "gateway-a");
}

TEST(EngineAttach, AListOfTwoGenerationsOfAKeyIsAnsweredWholeBeforeItsEnd) {
  EngineWorld world({.limits = {.commands_per_write_max = 1}});
  const Generation old = world.grant(0, kKey, "gateway-a");
  const Generation now = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  const StreamId stream = world.open_stream(0, "gateway-a");
  world.give(0, list_of(stream, {{kKey, old, 0, 0, 0}, {kKey, now, 0, 0, 0}}));
  world.run();
  EXPECT_EQ(answer_to<SupersededBy>(world, stream, kKey, old).generation, now);
  answer_to<Kept>(world, stream, kKey, now);
  EXPECT_TRUE(std::holds_alternative<ListEnded>(world.notices.back().notice));
  world.expect<Receipt>(world.ask(0, kKey, publish("e1")));
  EXPECT_THAT(world.delivered(stream, kKey), ElementsAre(1));
}

// The gateway may long have attached elsewhere and been granted what its list does not name.
TEST(EngineAttach, AListGivenWhileTheStoreIsBeingReadTakesNothingAwayAndIsAskedForAgain) {
  BareEngine bare;
  bare.nothing();
  bare.give(RecordsLoaded{{base_record(1'000)}});
  bare.attach(1, "gateway-a");
  bare.give(RecordsLoaded{{loaded("c/alice:1", 7, bytes_of(State::kIdle, "gateway-a"))}});
  const Outputs outputs = bare.give(LoadEnded{Position{9}});
  EXPECT_THAT(BareEngine::notices<AttachAgain>(outputs), SizeIs(1));
  EXPECT_THAT(BareEngine::notices<ListEnded>(outputs), SizeIs(1));
  const StartCommit commit = BareEngine::commit_of(outputs);
  ASSERT_THAT(commit.batch, SizeIs(1));
  EXPECT_EQ(commit.batch[0].key, lease_key("gateway-a"));
}

TEST(EngineAttach, AListIsAnsweredAfterAnOutage) {
  EngineWorld world;
  const Generation generation = world.grant(0, kKey, "gateway-a");
  world.grant(0, "alice:lost", "gateway-a");
  const StreamId stream = world.open_stream(0, "gateway-a");
  world.store(0).set_away(Away::kFailed);
  world.give(0, list_of(stream, {{kKey, generation, 0, 0, 0}}));
  world.run(10'000);
  EXPECT_THAT(world.heard<ListAnswered>(stream), IsEmpty());
  world.store(0).set_away(Away::kNo);
  world.run(3'000);
  answer_to<Kept>(world, stream, kKey, generation);
  EXPECT_EQ(world.record("alice:lost")->owner, "");
}

TEST(EngineAttach, WhatAnUnlistedConnectionIsDetachedByOutlivesAnOutage) {
  EngineWorld world;
  world.grant(0, "alice:lost", "gateway-a");
  world.store(0).set_away(Away::kFailed);
  world.attach(0, "gateway-a");
  world.run(10'000);
  world.store(0).set_away(Away::kNo);
  world.run(3'000);
  EXPECT_EQ(world.record("alice:lost")->owner, "");
}

TEST(EngineAttach, ALaterStreamOfTheSameGatewayReplacesTheFirst) {
  EngineWorld world;
  const StreamId first = world.attach(0, "gateway-a");
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  const StreamId second = world.open_stream(0, "gateway-a");
  world.give(0, list_of(second, {{kKey, generation, 0, 0, 0}}));
  world.run();
  world.give(0, StreamClosed{first});  // said late
  world.expect<Receipt>(world.ask(0, kKey, publish("e1")));
  EXPECT_THAT(world.delivered(first, kKey), IsEmpty());
  EXPECT_THAT(world.delivered(second, kKey), ElementsAre(1));
}

// ---- afterwards ----

TEST(EngineNotices, TheOldOwnerIsToldWhoeverCommittedTheTakeover) {
  EngineWorld world({.coordinators = 2});
  const StreamId stream = world.attach(0, "gateway-a");
  const Generation old = world.grant(0, kKey, "gateway-a");
  const Generation now = world.grant(1, kKey, "gateway-b");
  world.run();
  const auto told = world.heard<Superseded>(stream);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].generation, old);
  EXPECT_EQ(told[0].by, now);
}

TEST(EngineNotices, AGatewayThatTakesFromItselfIsToldOfTheOldGeneration) {
  EngineWorld world;
  const StreamId stream = world.attach(0, "gateway-a");
  const Generation old = world.grant(0, kKey, "gateway-a");
  world.grant(0, kKey, "gateway-a");
  ASSERT_THAT(world.heard<Superseded>(stream), SizeIs(1));
  EXPECT_EQ(world.heard<Superseded>(stream)[0].generation, old);
}

TEST(EngineNotices, WhoLetsGoByItselfIsNotToldAndWhoseRecordIsGoneIs) {
  EngineWorld world;
  const StreamId stream = world.attach(0, "gateway-a");
  const Generation left = world.grant(0, "alice:left", "gateway-a", State::kProcessingReady);
  world.expect<Done>(world.ask(0, "alice:left", detach("gateway-a", left, 1)));
  world.expect<Granted>(world.ask(0, "alice:abandoned", claim_by("gateway-a", "c1")));
  world.expect<Settled>(world.ask(0, "alice:abandoned", Abandon{"gateway-a", "c1"}));
  EXPECT_THAT(world.heard<Released>(stream), IsEmpty());
}

TEST(EngineNotices, AGrantThatIsOverWhenItIsAnsweredIsFollowedByTheNotice) {
  BareEngine bare;
  bare.start();
  bare.attach(1, "gateway-a");
  const StartCommit claim =
      BareEngine::commit_of(bare.give(CommandGiven{9, kKey, claim_by("gateway-a", "c1")}));
  // The feed shows the takeover of somebody else before the outcome of this commit arrives.
  bare.give(FeedChanged{{{"c/alice:1", 3, bytes_of(State::kConnecting, "gateway-b")}},
                        Position{3}});
  const Outputs outputs = bare.give(BareEngine::applied(claim, 2));
  EXPECT_THAT(BareEngine::of<Answered>(outputs), SizeIs(1));
  const auto told = BareEngine::notices<Superseded>(outputs);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].generation, 1'002u);
  EXPECT_EQ(told[0].by, 1'003u);
}

TEST(EngineNotices, AListedConnectionThatIsTakenWhileItIsCheckedIsNotKept) {
  BareEngine bare;
  bare.start();
  bare.give(FeedChanged{{{"c/alice:1", 2, bytes_of(State::kIdle, "gateway-a")}}, Position{2}});
  bare.attach(2, "gateway-b");
  bare.give(StreamOpened{.stream = 1, .gateway_id = "gateway-a", .credit_bytes = 1024 * 1024});
  const StartCommit look =
      BareEngine::commit_of(bare.give(list_of(1, {{kKey, 1'002, 0, 0, 0}})));
  Record taken{.state = State::kProcessingReady, .subject = "alice", .owner = "gateway-b"};
  taken.last_sequence = 1;
  taken.outbox_sizes = {2};
  bare.give(FeedChanged{{{"c/alice:1", 3, encode(taken)}}, Position{3}});
  // The compare held when it was made.
  const Outputs outputs = bare.give(BareEngine::applied(look, 2));
  const auto listed = BareEngine::notices<ListAnswered>(outputs);
  ASSERT_THAT(listed, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<SupersededBy>(listed[0].answer));
}

TEST(EngineNotices, TheOwnerIsToldWhatABackendDidToItsState) {
  EngineWorld world;
  const StreamId stream = world.attach(0, "gateway-a");
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kServicesReady);
  world.store(0).hold();
  world.ask(0, kKey, Lookup{});
  world.run();
  // Its own step and the backend's in one write: the answer tells of the first only.
  const Ticket step =
      world.ask(0, kKey, advance("gateway-a", generation, 1, State::kProcessingReady));
  world.ask(0, kKey, run_event("run", 1, "agent_started"));
  world.store(0).release();
  EXPECT_EQ(world.expect<Done>(step).state, State::kProcessingReady);
  world.expect<Receipt>(world.ask(0, kKey, run_event("run", 2, "agent_completed")));
  world.expect<Done>(world.ask(0, kKey, advance("gateway-a", generation, 2, State::kIdle)));
  std::vector<State> states;
  for (const auto& moved : world.heard<StateMoved>(stream)) states.push_back(moved.state);
  EXPECT_THAT(states, ElementsAre(State::kProcessing, State::kProcessingReady));
}

TEST(EngineNotices, HeartbeatsOfOpenStreamsAreConfirmed) {
  EngineWorld world;
  const StreamId stream = world.attach(0, "gateway-a");
  world.give(0, StreamHeartbeat{stream, 7});
  world.give(0, StreamHeartbeat{stream + 1'000, 8});
  world.run();
  ASSERT_THAT(world.heard<HeartbeatConfirmed>(stream), SizeIs(1));
  EXPECT_EQ(world.heard<HeartbeatConfirmed>(stream)[0].number, 7u);
}

}  // namespace
}  // namespace interlock
