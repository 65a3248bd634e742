// The stream itself: when it is opened, greeted, kept alive and given up; credit and acknowledging.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/attachment_world.h"

namespace interlock {
namespace {

using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;

TEST(AttachmentStream, TheFirstIsOpenedAtOnceAndTheNextAfterARandomWait) {
  AttachmentWorld world(AttachmentLimits{.reconnect_initial_ms = 100, .reconnect_max_ms = 300});
  EXPECT_LE(world.attachment.open_at_ms(), world.now_ms);
  for (const std::uint64_t ceiling_ms : {100, 200, 300, 300}) {
    world.open_silently();
    EXPECT_EQ(world.attachment.open_at_ms(), std::nullopt);
    world.cut(0.5);
    EXPECT_THAT(world.attachment.open_at_ms(), Optional(world.now_ms + ceiling_ms / 2));
  }
  // One that stood for a while was a success.
  world.open();
  world.settle();
  world.pass(300);
  world.cut(0.5);
  EXPECT_THAT(world.attachment.open_at_ms(), Optional(world.now_ms + 50));
}

TEST(AttachmentStream, WithoutAHelloInTimeItIsGivenUp) {
  AttachmentWorld world;
  world.open_silently();
  ASSERT_TRUE(world.write());
  world.pass(1'999);
  EXPECT_EQ(world.attachment.take_cut(), std::nullopt);
  world.pass(1);
  EXPECT_THAT(world.attachment.take_cut(), Optional(std::string("no hello in time")));
  EXPECT_EQ(world.attachment.take_cut(), std::nullopt);
  EXPECT_EQ(world.attachment.wake_at_ms(), std::nullopt);
  EXPECT_FALSE(world.write());
}

TEST(AttachmentStream, WhatIsNotTheProtocolIsGivenUp) {
  AttachmentWorld world;
  world.open_silently();
  ASSERT_TRUE(world.write());
  v1::AttachResponse without_hello;
  without_hello.set_heartbeat_confirmed(1);
  world.hear(without_hello);
  EXPECT_THAT(world.attachment.take_cut(), Optional(std::string("protocol")));
  world.cut();

  world.open_silently();
  v1::AttachResponse from_the_future;
  from_the_future.mutable_hello()->set_protocol_version(2);
  world.hear(from_the_future);
  EXPECT_THAT(world.attachment.take_cut(), Optional(std::string("protocol")));
  world.cut();

  world.open();  // the list has not been sent yet
  v1::AttachResponse too_early;
  too_early.set_reconciled_end(true);
  world.hear(too_early);
  EXPECT_THAT(world.attachment.take_cut(), Optional(std::string("protocol")));
}

TEST(AttachmentStream, HeartbeatsAreNumberedAndComeAsOftenAsTheCoordinatorSays) {
  AttachmentWorld world;
  world.coordinator.heartbeat_ms = 700;
  world.open();
  world.settle();
  EXPECT_EQ(world.attachment.heartbeats_confirmed(), 1u);
  for (std::uint64_t number = 2; number < 5; ++number) {
    EXPECT_THAT(world.attachment.wake_at_ms(), Optional(world.now_ms + 700));
    world.pass(699);
    EXPECT_FALSE(world.write());
    world.pass(1);
    EXPECT_EQ(world.write()->heartbeat().number(), number);
    v1::AttachResponse confirmed;
    confirmed.set_heartbeat_confirmed(number);
    world.hear(confirmed);
    EXPECT_EQ(world.attachment.heartbeats_confirmed(), number);
  }
  // The numbers go on, on whatever stream; one that was never sent is not believed.
  world.cut();
  world.open();
  EXPECT_EQ(world.write()->heartbeat().number(), 5u);
  v1::AttachResponse lie;
  lie.set_heartbeat_confirmed(6);
  world.hear(lie);
  EXPECT_EQ(world.attachment.heartbeats_confirmed(), 4u);
}

TEST(AttachmentStream, ASilentCoordinatorIsGivenUp) {
  AttachmentWorld world;
  world.open();
  world.settle();
  world.pass(8'000 - 1);
  EXPECT_EQ(world.attachment.take_cut(), std::nullopt);
  world.pass(1);
  EXPECT_THAT(world.attachment.take_cut(), Optional(std::string("silent")));
}

TEST(AttachmentStream, OneWhoseStoreIsAwayIsLeftAfterAFewSecondsThatDifferFromGatewayToGateway) {
  for (const auto& [random, stay_ms] : {std::pair{0.0, 3'750u}, std::pair{1.0, 6'250u}}) {
    AttachmentWorld world;
    world.open_silently();
    world.cut(random);
    world.open();
    world.settle();
    world.coordinator.say_store_away(true);
    world.hear_all();
    EXPECT_TRUE(world.attachment.store_away());
    world.pass(stay_ms - 1);
    world.coordinator.say_store_away(true);  // again: it is the same outage
    world.hear_all();
    EXPECT_EQ(world.attachment.take_cut(), std::nullopt);
    world.pass(1);
    EXPECT_THAT(world.attachment.take_cut(), Optional(std::string("store away")));
    world.cut();
    EXPECT_LE(world.attachment.open_at_ms(), world.now_ms + 50);
    // The next one gets the time of a hello before nobody counts as there.
    world.pass(2'999);
    EXPECT_TRUE(world.attachment.reachable());
    world.pass(1);
    EXPECT_FALSE(world.attachment.reachable());
  }
}

TEST(AttachmentStream, OneWhoseStoreComesBackInTimeIsKept) {
  AttachmentWorld world;
  world.open();
  world.settle();
  world.coordinator.say_store_away(true);
  world.hear_all();
  world.pass(4'000);
  world.coordinator.say_store_away(false);
  world.hear_all();
  world.pass(4'000);
  EXPECT_EQ(world.attachment.take_cut(), std::nullopt);
}

TEST(AttachmentStream, StoreAwayIsWhatTheLastCoordinatorSaid) {
  AttachmentWorld world;
  world.open();
  world.settle();
  world.coordinator.say_store_away(true);
  world.hear_all();
  world.cut();
  EXPECT_TRUE(world.attachment.store_away());
  world.open_silently();
  EXPECT_TRUE(world.attachment.store_away());
  world.settle();
  EXPECT_FALSE(world.attachment.store_away());
}

TEST(AttachmentStream, DrainIsFollowedAtOnceAndWhatStillComesCounts) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  world.pass(3'000);
  world.attachment.operate(7, generation, advance_to(v1::ACCEPTED));
  const auto asked = world.write();
  world.coordinator.drain();
  world.hear_all();
  EXPECT_THAT(world.attachment.take_cut(), Optional(std::string("drain")));
  world.attachment.operate(7, generation, advance_to(v1::AUTHENTICATED));
  EXPECT_FALSE(world.write());

  world.coordinator.receive(world.stream, *asked);
  world.hear_all();
  EXPECT_THAT(world.told<v1::OperateAnswer>(7), SizeIs(1));
  world.cut(1.0);
  EXPECT_THAT(world.attachment.open_at_ms(), Optional(world.now_ms));
  world.open();
  world.settle();
  EXPECT_THAT(world.told<v1::OperateAnswer>(7), SizeIs(2));

  // But not again and again from a coordinator that drains as soon as it is attached to.
  world.coordinator.drain();
  world.hear_all();
  world.cut(1.0);
  EXPECT_THAT(world.attachment.open_at_ms(), Optional(world.now_ms + 50));
}

TEST(AttachmentStream, ItIsUnreachableOnceNoHelloHasComeForASecond) {
  AttachmentWorld world;
  EXPECT_TRUE(world.attachment.reachable());
  world.open_silently();
  world.cut();
  world.pass(999);
  EXPECT_TRUE(world.attachment.reachable());
  EXPECT_THAT(world.attachment.wake_at_ms(), Optional(world.now_ms + 1));
  world.pass(1);
  EXPECT_FALSE(world.attachment.reachable());
  EXPECT_EQ(world.attachment.wake_at_ms(), std::nullopt);
  world.open_silently();
  EXPECT_FALSE(world.attachment.reachable());
  world.settle();
  EXPECT_TRUE(world.attachment.reachable());
  world.pass(3'600'000);
  EXPECT_TRUE(world.attachment.reachable());
}

TEST(AttachmentStream, AcknowledgementsAreMergedAndRideAlong) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  world.hold(8, "bob:1");
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
    world.attachment.acknowledge(7, generation, sequence);
    world.attachment.acknowledge(8, world.generation(8), sequence);
  }
  world.attachment.acknowledge(7, generation, 2);  // late
  world.attachment.operate(8, world.generation(8), close_for(v1::CLIENT_DONE));
  const auto message = world.write();
  ASSERT_THAT(message->acknowledgements(), SizeIs(1));
  EXPECT_EQ(message->acknowledgements(0).sequence(), 5u);
  EXPECT_EQ(message->acknowledgements(0).gateway_id(), test_gateway_id);
  EXPECT_EQ(message->operations(0).acknowledged(), 5u);
  EXPECT_FALSE(world.write());
  // After the next attach the list says it.
  world.cut();
  world.open();
  const auto first = world.write();
  EXPECT_EQ(first->held(0).acknowledged(), 5u);
  EXPECT_THAT(first->acknowledgements(), IsEmpty());
}

TEST(AttachmentStream, EventsUseCreditUntilTheSessionsGiveItBack) {
  AttachmentWorld world(AttachmentLimits{.event_credit_bytes = 1'000});
  const std::uint64_t generation = world.hold(7, "alice:1");
  world.attachment.operate(7, generation, advance_to(v1::PROCESSING_READY));
  world.settle();
  for (int i = 0; i < 12; ++i) {
    world.coordinator.publish("alice:1", "token", std::string(100, 'x'));
  }
  world.settle();
  EXPECT_THAT(world.told<v1::Delivery>(7), SizeIs(10));
  EXPECT_FALSE(world.write());

  // The list restarts delivery behind the last one sent, with what is left of the credit.
  world.attachment.events_sent(7, generation, 8);
  world.attachment.return_credit(300);
  world.cut();
  world.open();
  EXPECT_EQ(world.requests.back().hello().event_credit_bytes(), 300u);
  const auto first = world.write();
  EXPECT_EQ(first->event_credit_bytes(), 0u);
  EXPECT_EQ(first->held(0).last_sequence_sent(), 8u);
  world.coordinator.receive(world.stream, *first);
  world.hear_all();
  const auto told = world.told<v1::Delivery>(7);
  ASSERT_THAT(told, SizeIs(13));
  EXPECT_EQ(told[10].events(0).sequence(), 9u);
  EXPECT_EQ(told[12].events(0).sequence(), 11u);
  world.attachment.return_credit(100);
  EXPECT_EQ(world.write()->event_credit_bytes(), 100u);  // the coordinator has none left
}

TEST(AttachmentStream, DeliveryBeginsBehindWhatTheGrantSays) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(1, "alice:1");
  world.attachment.operate(1, generation, advance_to(v1::PROCESSING_READY));
  world.settle();
  for (int i = 0; i < 5; ++i) world.coordinator.publish("alice:1", "token", "1");
  world.settle();
  world.attachment.acknowledge(1, generation, 3);
  world.settle();
  world.hold(2, "alice:1");
  world.cut();
  world.open();
  const auto first = world.write();
  // The first generation was superseded, and its session knows: it is not listed again.
  ASSERT_THAT(first->held(), SizeIs(1));
  EXPECT_EQ(first->held(0).generation(), world.generation(2));
  EXPECT_EQ(first->held(0).last_sequence_sent(), 3u);
}

TEST(AttachmentStream, AStateThatMovedByItselfIsTold) {
  AttachmentWorld world;
  world.hold(7, "alice:1");
  world.coordinator.move("alice:1", v1::PROCESSING);
  world.hear_all();
  ASSERT_THAT(world.told<v1::StateNotice>(7), SizeIs(1));
  EXPECT_EQ(world.told<v1::StateNotice>(7)[0].state(), v1::PROCESSING);
}

TEST(EventCredit, NeverGrantsMoreThanTheWhole) {
  EventCredit credit(1'000);
  EXPECT_EQ(credit.start_stream(), 1'000u);
  EXPECT_FALSE(credit.pressing());
  credit.delivered(1'200);  // the coordinator sent more than it was given
  credit.give_back(100);
  EXPECT_EQ(credit.grant(), 0u);
  credit.give_back(300);
  EXPECT_EQ(credit.grant(), 200u);
  EXPECT_EQ(credit.start_stream(), 200u);
  credit.give_back(5'000);
  EXPECT_EQ(credit.outstanding(), 0u);
  EXPECT_EQ(credit.grant(), 800u);
}

TEST(EventCredit, IsWorthAMessageWhenMuchCameBackOrLittleIsLeft) {
  EventCredit credit(1'000);
  credit.start_stream();
  credit.delivered(500);
  credit.give_back(200);
  EXPECT_FALSE(credit.pressing());
  credit.give_back(100);
  EXPECT_TRUE(credit.pressing());
  credit.grant();
  credit.delivered(700);
  EXPECT_FALSE(credit.pressing());
  credit.give_back(1);
  EXPECT_TRUE(credit.pressing());
}

}  // namespace
}  // namespace interlock
