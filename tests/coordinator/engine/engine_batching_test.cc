// What goes into one commit, what waits for the next, and what is too much.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
std::string key_number(int i) { return "alice:" + std::to_string(i); }

// The commits of the world from here on, as numbers of entries.
class Batches {
 public:
  explicit Batches(EngineWorld& world) : world_(world), from_(world.commits.size()) {}
  std::vector<std::size_t> entries() const {
    std::vector<std::size_t> counts;
    for (std::size_t i = from_; i < world_.commits.size(); ++i) {
      counts.push_back(world_.commits[i].batch.size());
    }
    return counts;
  }
  const Batch& batch(std::size_t i) const { return world_.commits[from_ + i].batch; }

 private:
  EngineWorld& world_;
  const std::size_t from_;
};

TEST(EngineBatching, WhatArrivesDuringACommitGoesIntoTheNext) {
  EngineWorld world({.limits = {.commits_under_way_max = 1, .commit_keys_max = 1'000}});
  world.run();
  world.store(0).hold();
  Batches batches(world);
  world.ask(0, key_number(0), claim_by("gateway-a", "c0"));
  world.run();
  for (int i = 1; i <= 500; ++i) {
    world.ask(0, key_number(i), claim_by("gateway-a", "c" + std::to_string(i)));
    world.run(1);
  }
  EXPECT_THAT(batches.entries(), ElementsAre(1));
  world.store(0).release();
  world.run();
  EXPECT_THAT(batches.entries(), ElementsAre(1, 500));
  EXPECT_THAT(world.answers, SizeIs(501));
}

// So that the store is at work on the first while the engine decides the rest.
TEST(EngineBatching, MoreKeysThanACommitTakesAreLeftForTheNextStepWhichComesAtOnce) {
  BareEngine bare({.commits_under_way_max = 2, .commit_keys_max = 2});
  bare.start();
  bare.attach(1, "gateway-a");
  std::vector<Input> claims;
  for (int i = 0; i < 5; ++i) {
    claims.emplace_back(CommandGiven{static_cast<Ticket>(i + 1), key_number(i),
                                     claim_by("gateway-a", "c" + std::to_string(i))});
  }
  const auto step = [&](std::vector<Input> inputs) {
    return BareEngine::of<StartCommit>(
        bare.engine.step(std::move(inputs), {bare.now_ms, 1'700'000'000'000'000}));
  };
  const auto first = step(std::move(claims));
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_THAT(first[0].batch, SizeIs(2));
  EXPECT_TRUE(bare.engine.more_to_do()) << "one more may begin at once";
  const auto second = step({});
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_THAT(second[0].batch, SizeIs(2));
  EXPECT_FALSE(bare.engine.more_to_do()) << "as many are under way as may be";
  EXPECT_THAT(step({}), IsEmpty());
  std::vector<Input> done;
  done.emplace_back(CommitAnswered{first[0].commit, {Applied{2, {2}}, Applied{2, {2}}}});
  const auto third = step(std::move(done));
  ASSERT_THAT(third, SizeIs(1));
  EXPECT_THAT(third[0].batch, SizeIs(1));
  EXPECT_FALSE(bare.engine.more_to_do()) << "nothing is left";
}

TEST(EngineBatching, CommandsOfOneKeyThatWaitTogetherAreOneWrite) {
  EngineWorld world;
  const Generation generation = world.grant(0, kKey, "gateway-a");
  world.store(0).hold();
  Batches batches(world);
  world.ask(0, kKey, publish("first"));
  world.run();
  for (int i = 0; i < 10; ++i) world.ask(0, kKey, publish("e" + std::to_string(i)));
  world.ask(0, kKey, advance("gateway-a", generation, 1, State::kAccepted));
  world.ask(0, kKey, Lookup{});
  world.run(1'000);
  EXPECT_THAT(batches.entries(), ElementsAre(1));
  world.store(0).release();
  world.run();
  EXPECT_THAT(batches.entries(), ElementsAre(1, 1));
  EXPECT_THAT(batches.batch(1)[0].put, SizeIs(10));
  EXPECT_EQ(world.record(kKey)->last_sequence, 11u);
}

TEST(EngineBatching, OneCommitIsUnderWayForAKeyAndSeveralForDifferentOnes) {
  EngineWorld world({.limits = {.commits_under_way_max = 3}});
  world.run();
  world.store(0).hold();
  Batches batches(world);
  for (int i = 0; i < 5; ++i) {
    for (int copy = 0; copy < 3; ++copy) {
      world.ask(0, key_number(i), claim_by("gateway-a", std::to_string(copy)));
    }
    world.run(1);
  }
  EXPECT_THAT(batches.entries(), ElementsAre(1, 1, 1));
  world.store(0).release(1);
  world.run();
  EXPECT_THAT(batches.entries(), ElementsAre(1, 1, 1, 2));
  world.store(0).release();
  world.run();
  EXPECT_EQ(world.engine(0).replica().connections(), 5u);
}

TEST(EngineBatching, MoreEventsThanAnEntryMayCarryAreWrittenOneEntryAfterTheOther) {
  EngineWorld world;
  Ledger ledger(world.truth(), [&] { return world.now_ms(); });
  world.grant(0, kKey, "gateway-a");
  Batches batches(world);
  std::vector<Ticket> tickets;
  for (int i = 0; i < 40; ++i) {
    tickets.push_back(world.ask(0, kKey, publish("e" + std::to_string(i))));
  }
  world.run();
  EXPECT_THAT(batches.entries(), ElementsAre(1, 1, 1));
  EXPECT_THAT(batches.batch(0)[0].put, SizeIs(16));
  EXPECT_THAT(batches.batch(2)[0].put, SizeIs(8));
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    EXPECT_EQ(world.expect<Receipt>(tickets[i]).sequence, i + 1);
  }
  EXPECT_THAT(ledger.wrong, IsEmpty());
}

// The world itself says when an entry or a batch is too large.
TEST(EngineBatching, LargePayloadsOfOneKeyFitIntoTheirEntries) {
  EngineWorld world;
  world.grant(0, kKey, "gateway-a");
  const std::string payload = '"' + std::string(64 * 1024 - 2, 'x') + '"';
  Batches batches(world);
  std::vector<Ticket> tickets;
  for (int i = 0; i < 15; ++i) {
    tickets.push_back(world.ask(0, kKey, publish("e" + std::to_string(i), payload)));
  }
  for (const Ticket ticket : tickets) world.expect<Receipt>(ticket);
  EXPECT_GT(batches.entries().size(), 2u);
}

TEST(EngineBatching, LargePayloadsOfManyKeysFitIntoTheirBatches) {
  EngineWorld world;
  const std::string payload = '"' + std::string(64 * 1024 - 2, 'x') + '"';
  std::vector<Ticket> tickets;
  for (int key = 0; key < 20; ++key) {
    world.ask(0, key_number(key), claim_by("gateway-a", std::to_string(key)));
    for (int i = 0; i < 5; ++i) {
      tickets.push_back(world.ask(0, key_number(key), publish("e" + std::to_string(i), payload)));
    }
  }
  for (const Ticket ticket : tickets) world.expect<Receipt>(ticket);
}

TEST(EngineBatching, NoMoreEntriesThanABatchMayCarry) {
  MemoryFaults faults;
  faults.limits.batch_entries_max = 10;
  EngineWorld world({.faults = faults});
  world.run();
  Batches batches(world);
  for (int i = 0; i < 25; ++i) world.ask(0, key_number(i), claim_by("gateway-a", "c"));
  world.run();
  EXPECT_THAT(batches.entries(), ElementsAre(10, 10, 5));
}

TEST(EngineBatching, NoMoreCommandsOfAKeyThanAWriteMayCarry) {
  EngineWorld world({.limits = {.commands_per_write_max = 4}});
  world.run();
  Batches batches(world);
  std::vector<Ticket> claims;
  for (int i = 0; i < 10; ++i) {
    claims.push_back(world.ask(0, kKey, claim_by("gateway-a", "c" + std::to_string(i))));
  }
  world.run();
  EXPECT_THAT(batches.entries(), ElementsAre(1, 1, 1));
  world.expect_refusal<Stale>(claims[0]);
  world.expect<Granted>(claims[3]);
  world.expect<Granted>(claims[9]);
}

TEST(EngineBatching, ClaimsThatWaitAreDecidedSideBySideAndTheRestKeepsItsOrder) {
  EngineWorld world;
  const Generation old = world.grant(0, kKey, "gateway-old");
  const Ticket before = world.ask(0, kKey, advance("gateway-old", old, 1, State::kAccepted));
  const Ticket first = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  const Ticket after = world.ask(0, kKey, advance("gateway-old", old, 2, State::kAuthenticated));
  const Ticket event = world.ask(0, kKey, publish("e1"));
  const Ticket second = world.ask(0, kKey, claim_by("gateway-b", "c2"));
  EXPECT_EQ(world.expect<Done>(before).state, State::kAccepted);
  world.expect_refusal<Stale>(first);
  const Generation now = world.expect<Granted>(second).generation;
  EXPECT_EQ(world.expect_refusal<StaleGeneration>(after).current, now);
  EXPECT_EQ(world.expect<Receipt>(event).sequence, 1u);
}

// ---- too much ----

TEST(EngineBounds, MoreCommandsThanMayWaitAreRefusedAtOnce) {
  EngineWorld world({.limits = {.waiting_commands_max = 10}});
  world.run();
  world.store(0).hold();
  for (int i = 0; i < 10; ++i) world.ask(0, key_number(i), claim_by("gateway-a", "c"));
  const Ticket one_more = world.ask(0, key_number(10), claim_by("gateway-a", "c"));
  world.tell(0, key_number(11), Abandon{"gateway-a", "c"});
  EXPECT_GT(world.expect_refusal<NotNow>(one_more).after_ms, 0u);
  EXPECT_EQ(world.engine(0).waiting_commands(), 10u);
  world.store(0).release();
  world.run();
  EXPECT_EQ(world.engine(0).waiting_commands(), 0u);
  EXPECT_EQ(world.engine(0).keys_at_work(), 0u);
  world.expect<Granted>(world.ask(0, key_number(10), claim_by("gateway-a", "c")));
}

TEST(EngineBounds, MoreCommandsThanMayWaitForOneKeyAreRefusedAtOnceAndOtherKeysGoOn) {
  EngineWorld world({.limits = {.waiting_per_key_max = 4}});
  world.run();
  world.store(0).hold();
  for (int i = 0; i < 4; ++i) {
    world.ask(0, kKey, claim_by("gateway-a", std::to_string(i)));
    world.run();
  }
  world.expect_refusal<NotNow>(world.ask(0, kKey, claim_by("gateway-a", "one more")));
  const Ticket other = world.ask(0, key_number(2), claim_by("gateway-a", "c"));
  world.store(0).release();
  world.expect<Granted>(other);
}

TEST(EngineBounds, AListIsAnsweredWhateverElseWaits) {
  EngineWorld world({.limits = {.waiting_commands_max = 2, .waiting_per_key_max = 2}});
  const Generation generation = world.grant(0, kKey, "gateway-a");
  world.store(0).hold();
  for (int i = 0; i < 3; ++i) world.ask(0, kKey, publish("e" + std::to_string(i)));
  const StreamId stream = world.open_stream(0, "gateway-a");
  world.give(0, StreamListed{.stream = stream, .held = {{kKey, generation, 0, 0, 0}},
                             .pending_claims = {}, .end = true});
  world.run();
  world.store(0).release();
  world.run();
  EXPECT_THAT(world.heard<ListAnswered>(stream), SizeIs(1));
  EXPECT_THAT(world.heard<ListEnded>(stream), SizeIs(1));
}

TEST(EngineBounds, NothingIsKeptForAKeyThatNobodyAsksAbout) {
  EngineWorld world({.coordinators = 2});
  for (int i = 0; i < 100; ++i) {
    const Generation generation = world.grant(i % 2, key_number(i), "gateway-a");
    world.ask(0, key_number(i), publish("e1"));
    world.ask(1, key_number(i), Lookup{});
    world.ask(0, key_number(i + 1'000), Lookup{});  // unknown
    world.ask(1, key_number(i), close("gateway-a", generation, 1));
    world.run();
    world.ask(0, key_number(i), Forget{generation});
  }
  world.run(10'000);
  EXPECT_EQ(world.engine(0).keys_at_work() + world.engine(1).keys_at_work(), 0u);
  EXPECT_EQ(world.engine(0).replica().connections(), 0u);
}

}  // namespace
}  // namespace interlock
