// Acknowledgements: written lazily, never lost while their generation lasts, never above the truth.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/engine/asking.h"
#include "tests/coordinator/engine/engine_world.h"
#include "tests/coordinator/engine/ledger.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kKey = "alice:1";

class Acknowledging : public testing::Test {
 protected:
  Acknowledging() {
    generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
    publish_up_to(5);
    commits_before = world.commits.size();
  }
  ~Acknowledging() override { EXPECT_THAT(ledger.wrong, IsEmpty()); }

  void publish_up_to(int last) {
    for (; published < last;) {
      world.expect<Receipt>(world.ask(0, kKey, publish("e" + std::to_string(++published))));
    }
  }
  void acknowledge_up_to(Sequence sequence) {
    world.tell(0, kKey, acknowledge("gateway-a", generation, sequence));
    world.run();
  }
  Sequence durable() const { return world.record(kKey)->acknowledged; }
  std::size_t commits() const { return world.commits.size() - commits_before; }

  EngineWorld world{{.coordinators = 2, .limits = {.authority = {.outbox_events_max = 40}}}};
  Ledger ledger{world.truth(), [this] { return world.now_ms(); }};
  Generation generation = 0;
  int published = 0;
  std::size_t commits_before = 0;
};

TEST_F(Acknowledging, ItIsWrittenAfterTwoSecondsAtTheLatestAndManyInOneWrite) {
  acknowledge_up_to(1);
  world.run(1'000);
  acknowledge_up_to(2);
  acknowledge_up_to(3);
  world.run(999);
  EXPECT_EQ(commits(), 0u);
  world.run(1);
  EXPECT_EQ(durable(), 3u);
  EXPECT_EQ(commits(), 1u);
  EXPECT_THAT(world.attachments(kKey), ElementsAre(4, 5));
  world.run(10'000);
  EXPECT_EQ(commits(), 1u);
  EXPECT_EQ(world.engine(0).keys_at_work(), 0u);
}

TEST_F(Acknowledging, ItRidesAlongInTheNextWriteOfTheRecord) {
  acknowledge_up_to(3);
  world.expect<Done>(world.ask(0, kKey, advance("gateway-a", generation, 1, State::kIdle)));
  EXPECT_EQ(durable(), 3u);
  EXPECT_THAT(world.attachments(kKey), ElementsAre(4, 5));
  world.run(10'000);
  EXPECT_EQ(commits(), 1u);
}

TEST_F(Acknowledging, WhatComesWhileAnEarlierOneIsBeingWrittenIsWrittenTwoSecondsLater) {
  acknowledge_up_to(2);
  world.store(0).hold();
  world.run(2'000);
  ASSERT_EQ(commits(), 1u);
  acknowledge_up_to(4);
  world.run(100);
  world.store(0).release();
  world.run();
  EXPECT_EQ(durable(), 2u);
  world.run(2'000);
  EXPECT_EQ(durable(), 4u);
}

TEST_F(Acknowledging, AFreshOneIsNotHurriedByOneThatHasRiddenAlong) {
  acknowledge_up_to(2);
  world.run(1'000);
  publish_up_to(6);  // takes it along
  ASSERT_EQ(durable(), 2u);
  world.run(500);
  acknowledge_up_to(4);
  world.run(1'999);
  EXPECT_EQ(durable(), 2u);
  world.run(1);
  EXPECT_EQ(durable(), 4u);
}

TEST_F(Acknowledging, AQuarterFullOutboxWritesItAtOnce) {
  publish_up_to(9);
  acknowledge_up_to(1);
  EXPECT_EQ(durable(), 0u);
  publish_up_to(12);
  ASSERT_EQ(durable(), 1u);  // rode along
  acknowledge_up_to(3);
  EXPECT_EQ(durable(), 3u);
}

TEST_F(Acknowledging, AQuarterFullOutboxDoesNotWaitLongerBecauseACommitIsUnderWay) {
  publish_up_to(12);
  world.store(0).hold();
  const Ticket look = world.ask(0, kKey, Lookup{});
  world.run();
  acknowledge_up_to(3);
  world.store(0).release();
  world.expect<Found>(look);
  EXPECT_EQ(durable(), 3u);
}

TEST_F(Acknowledging, ItMakesRoomForWhatIsPublishedWithIt) {
  publish_up_to(40);
  world.expect_refusal<ResourceExhausted>(world.ask(0, kKey, publish("one too many")));
  world.tell(0, kKey, acknowledge("gateway-a", generation, 10));
  EXPECT_EQ(world.expect<Receipt>(world.ask(0, kKey, publish("now"))).sequence, 41u);
}

TEST_F(Acknowledging, WhatWasNeverAssignedIsNotAcknowledged) {
  acknowledge_up_to(6);
  world.run(10'000);
  EXPECT_EQ(durable(), 0u);
  EXPECT_EQ(commits(), 0u);
  EXPECT_EQ(world.engine(0).keys_at_work(), 0u);
}

TEST_F(Acknowledging, OnlyTheOwnerAcknowledges) {
  world.tell(0, kKey, acknowledge("gateway-b", generation, 3));
  world.tell(0, kKey, acknowledge("gateway-a", generation - 1, 3));
  world.tell(0, "alice:unknown", acknowledge("gateway-a", generation, 3));
  world.run(10'000);
  EXPECT_EQ(durable(), 0u);
  EXPECT_EQ(world.engine(0).keys_at_work(), 0u);
}

TEST_F(Acknowledging, ATakeoverDropsWhatIsNotWrittenYet) {
  acknowledge_up_to(3);
  // Through the other coordinator, which knows nothing of it.
  const Generation now = world.grant(1, kKey, "gateway-b");
  world.run(10'000);
  EXPECT_EQ(durable(), 0u);
  EXPECT_EQ(world.record(kKey)->generation, now);
  EXPECT_EQ(world.engine(0).keys_at_work(), 0u);
}

TEST_F(Acknowledging, ADetachThroughAnotherCoordinatorDropsItToo) {
  acknowledge_up_to(3);
  world.expect<Done>(world.ask(1, kKey, detach("gateway-a", generation, 1)));
  world.run(10'000);
  EXPECT_EQ(durable(), 0u);
  EXPECT_EQ(world.engine(0).keys_at_work(), 0u);
}

TEST_F(Acknowledging, CloseAndDetachCarryTheLastOne) {
  Operate left = detach("gateway-a", generation, 1);
  left.acknowledged = 4;
  acknowledge_up_to(2);
  world.expect<Done>(world.ask(0, kKey, left));
  EXPECT_EQ(durable(), 4u);
  EXPECT_THAT(world.attachments(kKey), ElementsAre(5));
}

TEST_F(Acknowledging, TheClientsOwnWordInItsClaimAcknowledges) {
  Claim claim = claim_by("gateway-b", "c2");
  claim.position = ClientPosition{4, generation};
  EXPECT_EQ(world.expect<Granted>(world.ask(1, kKey, claim)).next_sequence, 5u);
  EXPECT_THAT(world.attachments(kKey), ElementsAre(5));
}

TEST_F(Acknowledging, AnOutageOnlyPutsItOff) {
  acknowledge_up_to(3);
  world.store(0).set_away(Away::kFailed);
  world.run(10'000);
  world.store(0).set_away(Away::kNo);
  world.run(3'000);
  EXPECT_EQ(durable(), 3u);
  EXPECT_EQ(world.engine(0).keys_at_work(), 0u);
}

TEST_F(Acknowledging, WhoeverWaitsForOneIsToldThatItIsTaken) {
  world.expect<Settled>(world.ask(0, kKey, acknowledge("gateway-a", generation, 3)));
}

}  // namespace
}  // namespace interlock
