// What the lease means for the connections: holding, giving up, expiring, another id.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/gateway/attachment_world.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;

const std::string next_id(32, 'b');

// A world that lives: whatever is due happens when it is due, and nobody is ever frozen.
class Hold : public testing::Test {
 protected:
  // What happens at this moment, and at once after it.
  void look() {
    attachment().advance_time(world.now_ms);
    if (const auto why = attachment().take_cut()) {
      cuts.push_back(*why);
      world.cut();
    }
    const auto open_at_ms = attachment().open_at_ms();
    if (open_at_ms && *open_at_ms <= world.now_ms && reachable) world.open_silently();
    world.settle();
  }
  void run(std::uint64_t ms) {
    look();
    for (const std::uint64_t end = world.now_ms + ms; world.now_ms < end;) {
      const std::uint64_t wake = attachment().wake_at_ms().value_or(end);
      world.now_ms = std::clamp(std::max(wake, world.now_ms + 1), world.now_ms, end);
      look();
    }
  }
  // Held by a gateway that acts already.
  std::uint64_t hold(std::uint64_t connection, const std::string& key) {
    if (!attachment().attached()) world.open();
    world.settle();
    return world.hold(connection, key);
  }
  // The process is frozen for so long.
  void freeze(std::uint64_t ms) { world.now_ms += ms; }
  void lose_coordinator() {
    reachable = false;
    world.cut();
  }
  std::vector<bool> holds(std::uint64_t connection) {
    std::vector<bool> found;
    for (const HoldNotice& notice : world.told<HoldNotice>(connection)) {
      found.push_back(notice.holding);
    }
    return found;
  }
  Attachment& attachment() { return world.attachment; }
  bool may_act() { return world.now_ms < attachment().act_until_ms(); }

  AttachmentWorld world;
  bool reachable = true;
  std::vector<std::string> cuts;
};

TEST_F(Hold, ANewGatewayHoldsForTheMomentUntilItsFirstHeartbeatIsConfirmed) {
  EXPECT_TRUE(attachment().holding());
  EXPECT_EQ(attachment().act_until_ms(), 0u);
  attachment().claim(7, make_claim("alice:1", "id"));
  world.open();
  EXPECT_TRUE(attachment().holding());
  // The heartbeat rides right behind the list.
  world.settle();
  EXPECT_FALSE(attachment().holding());
  EXPECT_EQ(attachment().act_until_ms(), world.now_ms + 10'000);
  EXPECT_THAT(holds(7), ElementsAre(false));
  EXPECT_GT(world.generation(7), 0u);
}

TEST_F(Hold, EveryConnectionIsToldWhenItBeginsAndWhenItEnds) {
  hold(7, "alice:1");
  hold(8, "bob:1");
  const std::uint64_t until_ms = attachment().act_until_ms();
  world.coordinator.confirm_heartbeats = false;
  run(until_ms - world.now_ms - 1);
  EXPECT_FALSE(attachment().holding());
  run(1);
  EXPECT_TRUE(attachment().holding());
  EXPECT_THAT(holds(7), ElementsAre(true));
  world.coordinator.confirm_heartbeats = true;
  run(6'000);
  EXPECT_FALSE(attachment().holding());
  EXPECT_THAT(holds(7), ElementsAre(true, false));
  EXPECT_THAT(holds(8), ElementsAre(true, false));
  EXPECT_THAT(world.told<v1::Released>(7), IsEmpty());
}

TEST_F(Hold, ItCountsFromTheSendingOfTheHeartbeatThatWasConfirmed) {
  hold(7, "alice:1");
  world.pass(5'000);
  const std::uint64_t sent_ms = world.now_ms;
  const auto heartbeat = world.write();
  ASSERT_TRUE(heartbeat->has_heartbeat());
  world.pass(3'000);
  world.coordinator.receive(world.stream, *heartbeat);
  world.hear_all();
  EXPECT_EQ(attachment().act_until_ms(), sent_ms + 10'000);
}

TEST_F(Hold, AHeartbeatOfAnEarlierStreamDoesNotCountOnALaterOne) {
  hold(7, "alice:1");
  const std::uint64_t until_ms = attachment().act_until_ms();
  world.pass(5'000);
  const std::uint64_t number = world.write()->heartbeat().number();
  world.cut();
  world.open();
  v1::AttachResponse late;
  late.set_heartbeat_confirmed(number);
  world.hear(late);
  EXPECT_EQ(attachment().act_until_ms(), until_ms);
  world.settle();
  EXPECT_EQ(attachment().act_until_ms(), world.now_ms + 10'000);
}

TEST_F(Hold, WhoIsThawedIsToldToHoldBeforeAnythingThatWaitedMeanwhile) {
  const std::uint64_t generation = hold(7, "alice:1");
  attachment().operate(7, generation, advance_to(v1::PROCESSING_READY));
  world.settle();
  world.pass(5'000);
  const auto heartbeat = world.write();
  world.coordinator.receive(world.stream, *heartbeat);
  world.coordinator.publish("alice:1", "token", "1");
  // The process is frozen, and what came before is still to be read.
  freeze(60'000);
  EXPECT_FALSE(may_act());
  world.hear_all();
  EXPECT_TRUE(attachment().holding());
  const auto& told = world.notices[7];
  ASSERT_THAT(told, SizeIs(4));  // granted, operated, and then
  EXPECT_TRUE(std::get<HoldNotice>(told[2].what).holding);
  EXPECT_TRUE(std::holds_alternative<v1::Delivery>(told[3].what));
}

TEST_F(Hold, WhoStillWaitsForAClaimIsToldOfItsEndToo) {
  world.open();
  attachment().claim(7, make_claim("alice:1", "id"));
  ASSERT_TRUE(world.write()->has_heartbeat());
  v1::AttachResponse confirmed;
  confirmed.set_heartbeat_confirmed(1);
  world.hear(confirmed);
  EXPECT_THAT(holds(7), ElementsAre(false));
}

TEST_F(Hold, ClaimsAndOperationsGoOnSinceTheStoreDecidesThem) {
  const std::uint64_t generation = hold(7, "alice:1");
  world.coordinator.confirm_heartbeats = false;
  run(15'000);
  ASSERT_TRUE(attachment().holding());
  attachment().operate(7, generation, detach_for(v1::SOCKET_LOST));
  attachment().claim(8, make_claim("bob:1", "id"));
  world.settle();
  EXPECT_EQ(world.coordinator.find("alice:1")->owner, "");
  EXPECT_GT(world.generation(8), 0u);
  world.coordinator.confirm_heartbeats = true;
  run(6'000);
  EXPECT_THAT(holds(8), ElementsAre(false));
}

TEST_F(Hold, HeartbeatsComeTwiceAsOftenAsItHoldsAndTheHoldIsShorterThanTheTtl) {
  world.coordinator.lease_ttl_ms = 3'000;
  hold(7, "alice:1");
  EXPECT_EQ(attachment().act_until_ms(), world.now_ms + 2'000);
  EXPECT_TRUE(attachment().lease().shortened());
  run(60'000);
  EXPECT_GE(attachment().heartbeats_sent(), 60u);
  EXPECT_THAT(holds(7), IsEmpty());
}

// ---- no coordinator ----

TEST_F(Hold, AfterTwentySecondsWithoutAnyCoordinatorEverythingIsReleased) {
  const std::uint64_t generation = hold(7, "alice:1");
  lose_coordinator();
  run(29'999);
  EXPECT_TRUE(attachment().holding());
  EXPECT_FALSE(attachment().identity_over());
  EXPECT_THAT(world.told<v1::Released>(7), IsEmpty());
  attachment().claim(8, make_claim("bob:1", "id"));
  run(1);
  EXPECT_EQ(attachment().identity_over(), IdentityEnd::kGaveUp);
  const auto released = world.told<v1::Released>(7);
  ASSERT_THAT(released, SizeIs(1));
  EXPECT_EQ(released[0].key(), "alice:1");
  EXPECT_EQ(released[0].generation(), generation);
  EXPECT_EQ(released[0].close_code(), 4005u);
  EXPECT_EQ(released[0].reason(), v1::GATEWAY_EXPIRED);
  // Who waits for an answer gets one too.
  ASSERT_THAT(world.told<v1::ClaimAnswer>(8), SizeIs(1));
  EXPECT_TRUE(world.told<v1::ClaimAnswer>(8)[0].refusal().has_gateway_expired());
  EXPECT_EQ(attachment().remembered(), 0u);
  // Once is enough.
  attachment().take_identity(next_id);
  for (int second = 0; second < 60; ++second) run(1'000);
  EXPECT_FALSE(attachment().identity_over());
  EXPECT_THAT(world.told<v1::Released>(7), SizeIs(1));
}

TEST_F(Hold, ACoordinatorThatAnswersInTimeIsWaitedFor) {
  hold(7, "alice:1");
  lose_coordinator();
  run(29'000);
  reachable = true;
  world.coordinator.confirm_heartbeats = false;
  run(15'000);
  EXPECT_FALSE(attachment().identity_over());
  world.coordinator.confirm_heartbeats = true;
  run(10'000);
  EXPECT_FALSE(attachment().holding());
  EXPECT_THAT(holds(7), ElementsAre(true, false));
}

TEST_F(Hold, StreamsThatAreOpenedAndNeverGreetedAreNoAnswer) {
  hold(7, "alice:1");
  world.coordinator.silent = true;
  run(40'000);
  EXPECT_EQ(attachment().identity_over(), IdentityEnd::kGaveUp);
}

TEST_F(Hold, WithoutASocketThereIsNothingToGiveUp) {
  const std::uint64_t generation = hold(7, "alice:1");
  attachment().operate(7, generation, close_for(v1::CLIENT_DONE));
  attachment().forget(7);
  lose_coordinator();
  for (int second = 0; second < 120; ++second) run(1'000);
  EXPECT_FALSE(attachment().identity_over());
  reachable = true;
  run(6'000);
  EXPECT_EQ(world.coordinator.find("alice:1")->state, v1::CLOSED);
}

TEST_F(Hold, ATimeForWhichTheProcessWasFrozenIsNoReasonToGiveUp) {
  hold(7, "alice:1");
  freeze(300'000);
  world.cut();
  look();
  EXPECT_FALSE(attachment().identity_over());
  run(100);
  EXPECT_FALSE(attachment().holding());
  EXPECT_THAT(holds(7), ElementsAre(true, false));
}

// ---- the store is away ----

TEST_F(Hold, WhileTheStoreIsAwayItLastsAsLongAsItTakesAndOthersAreTried) {
  hold(7, "alice:1");
  world.coordinator.store_away = true;
  world.coordinator.say_store_away(true);
  world.hear_all();
  run(600'000);
  EXPECT_TRUE(attachment().holding());
  EXPECT_FALSE(attachment().identity_over());
  EXPECT_TRUE(attachment().reachable());
  EXPECT_THAT(world.told<v1::Released>(7), IsEmpty());
  EXPECT_THAT(cuts, testing::Each("store away"));
  EXPECT_GE(cuts.size(), 60u);
  EXPECT_LE(cuts.size(), 200u);
  world.coordinator.store_away = false;
  run(10'000);
  EXPECT_FALSE(attachment().holding());
  EXPECT_THAT(holds(7), ElementsAre(true, false));
}

TEST_F(Hold, ACoordinatorThatIsCutOffAloneIsLeftBeforeAnybodyMustHold) {
  hold(7, "alice:1");
  world.coordinator.say_store_away(true);
  world.hear_all();
  run(60'000);
  EXPECT_THAT(cuts, ElementsAre("store away"));
  EXPECT_THAT(holds(7), IsEmpty());
  EXPECT_TRUE(attachment().reachable());
}

TEST_F(Hold, ACoordinatorThatHasSaidItAndIsGoneIsNoAnswerAnyMore) {
  hold(7, "alice:1");
  world.coordinator.say_store_away(true);
  world.hear_all();
  reachable = false;
  run(60'000);
  EXPECT_EQ(attachment().identity_over(), IdentityEnd::kGaveUp);
}

// ---- expired, and another id ----

TEST_F(Hold, AnExpiredGatewayReleasesEverythingAndGoesOnUnderAnotherId) {
  const std::uint64_t generation = hold(7, "alice:1");
  hold(8, "bob:1");
  attachment().operate(7, generation, advance_to(v1::ACCEPTED));
  world.coordinator.expire(test_gateway_id);
  attachment().claim(9, make_claim("carl:1", "id"));
  world.hear_all();
  EXPECT_EQ(attachment().identity_over(), IdentityEnd::kExpired);
  for (const std::uint64_t connection : {7, 8}) {
    ASSERT_THAT(world.told<v1::Released>(connection), SizeIs(1));
    EXPECT_EQ(world.told<v1::Released>(connection)[0].close_code(), 4005u);
  }
  EXPECT_TRUE(world.told<v1::ClaimAnswer>(9)[0].refusal().has_gateway_expired());
  EXPECT_EQ(attachment().act_until_ms(), 0u);
  EXPECT_EQ(attachment().unanswered_operations(), 0u);
  EXPECT_FALSE(attachment().attached());

  // Until there is another id, nothing is said and nobody is let in.
  EXPECT_THAT(attachment().take_cut(), Optional(std::string("lease expired")));
  EXPECT_FALSE(world.write());
  attachment().claim(10, make_claim("dora:1", "id"));
  EXPECT_TRUE(world.told<v1::ClaimAnswer>(10)[0].refusal().has_gateway_expired());
  world.cut();
  EXPECT_EQ(attachment().open_at_ms(), std::nullopt);
  attachment().take_identity(next_id);
  EXPECT_TRUE(attachment().open_at_ms());

  const std::uint64_t claimed = hold(11, "alice:1");
  EXPECT_GT(claimed, generation);
  EXPECT_EQ(world.coordinator.find("alice:1")->owner, next_id);
  EXPECT_FALSE(attachment().holding());
  attachment().operate(11, claimed, advance_to(v1::PROCESSING_READY));
  world.settle();
  EXPECT_EQ(world.requests.back().operations(0).gateway_id(), next_id);
  EXPECT_EQ(world.coordinator.find("alice:1")->state, v1::PROCESSING_READY);
}

TEST_F(Hold, WhatTheStreamOfAnExpiredIdStillSaysIsNotHeard) {
  hold(7, "alice:1");
  attachment().claim(8, make_claim("bob:1", "id"));
  world.coordinator.receive(world.stream, *world.write());
  const auto granted = world.coordinator.take(world.stream);
  v1::AttachResponse expired;
  expired.set_lease_expired(true);
  world.hear(expired);
  attachment().take_identity(next_id);
  world.hear(granted[0]);
  v1::AttachResponse confirmed;
  confirmed.set_heartbeat_confirmed(attachment().heartbeats_sent());
  world.hear(confirmed);
  EXPECT_EQ(attachment().act_until_ms(), 0u);
  const auto answers = world.told<v1::ClaimAnswer>(8);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_TRUE(answers[0].refusal().has_gateway_expired());
  EXPECT_EQ(attachment().remembered(), 0u);
}

TEST_F(Hold, ItIsToldSoWheneverItAttachesOrAsksUnderThatId) {
  hold(7, "alice:1");
  world.cut();
  world.coordinator.expire(test_gateway_id);
  world.open();
  EXPECT_EQ(attachment().identity_over(), IdentityEnd::kExpired);
  EXPECT_THAT(world.told<v1::Released>(7), SizeIs(1));

  AttachmentWorld other;
  const std::uint64_t generation = other.hold(7, "alice:1");
  v1::AttachResponse refused;
  refused.add_operations()->set_key("alice:1");
  refused.mutable_operations(0)->set_generation(generation);
  refused.mutable_operations(0)->mutable_refusal()->mutable_gateway_expired();
  other.hear(refused);
  EXPECT_EQ(other.attachment.identity_over(), IdentityEnd::kExpired);
  EXPECT_THAT(other.told<v1::OperateAnswer>(7), IsEmpty());
  EXPECT_THAT(other.told<v1::Released>(7), SizeIs(1));

  AttachmentWorld third;
  third.hold(7, "alice:1");
  third.attachment.claim(8, make_claim("bob:1", "id"));
  v1::AttachResponse claim_refused;
  claim_refused.add_claims()->set_key("bob:1");
  claim_refused.mutable_claims(0)->set_claim_id("id");
  claim_refused.mutable_claims(0)->mutable_refusal()->mutable_gateway_expired();
  third.hear(claim_refused);
  EXPECT_EQ(third.attachment.identity_over(), IdentityEnd::kExpired);
  EXPECT_THAT(third.told<v1::ClaimAnswer>(8), SizeIs(1));
}

TEST_F(Hold, WhatASessionStillAsksForAfterItsReleaseIsAskedOfNobody) {
  const std::uint64_t generation = hold(7, "alice:1");
  world.coordinator.expire(test_gateway_id);
  world.hear_all();
  attachment().operate(7, generation, detach_for(v1::SOCKET_LOST));
  attachment().acknowledge(7, generation, 1);
  attachment().events_sent(7, generation, 1);
  attachment().abandon(7);
  attachment().forget(7);
  attachment().take_identity(next_id);
  world.cut();
  world.open();
  const auto list = world.write();
  EXPECT_THAT(list->held(), IsEmpty());
  EXPECT_THAT(list->operations(), IsEmpty());
  EXPECT_TRUE(list->held_end());
}

}  // namespace
}  // namespace interlock
