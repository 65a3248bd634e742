#include "tests/gateway/coordinator_client_contract.h"

namespace interlock {

using testing::IsEmpty;
using testing::SizeIs;

TEST_P(CoordinatorClientContract, AClaimIsGrantedAndItsOperationsAreTakenInOrder) {
  const std::uint64_t generation = hold(7, "alice:1");
  ASSERT_GT(generation, 0u);
  EXPECT_EQ(box_.items()[0].connection, 7u);
  client_->operate(7, generation, advance_to(v1::ACCEPTED));
  client_->operate(7, generation, advance_to(v1::PROCESSING_READY));
  EXPECT_TRUE(client_->drain(10'000));
  EXPECT_EQ(record("alice:1").state, v1::PROCESSING_READY);
  EXPECT_THAT(record("alice:1").taken, SizeIs(2));
  EXPECT_TRUE(eventually([&] {
    const auto answers = told<v1::OperateAnswer>();
    return !answers.empty() && answers.back().done().last_op() == 2;
  }));
}

TEST_P(CoordinatorClientContract, EventsComeInOrderAndAreAcknowledged) {
  const std::uint64_t generation = hold(7, "alice:1");
  client_->operate(7, generation, advance_to(v1::PROCESSING_READY));
  ASSERT_TRUE(client_->drain(10'000));
  server().run([](MemoryCoordinator& coordinator) {
    for (int i = 0; i < 100; ++i) coordinator.publish("alice:1", "token", std::string(1'000, 'x'));
  });
  ASSERT_TRUE(eventually([&] { return told<v1::Delivery>().size() == 100; }));
  std::uint64_t expected = 1;
  for (const v1::Delivery& delivery : told<v1::Delivery>()) {
    EXPECT_EQ(delivery.events(0).sequence(), expected++);
    client_->return_credit(delivery.payload_bytes());
  }
  client_->events_sent(7, generation, 100);
  client_->acknowledge(7, generation, 100);
  EXPECT_TRUE(eventually([&] { return record("alice:1").acknowledged == 100; }));
}

TEST_P(CoordinatorClientContract, NothingIsToldAfterForget) {
  const std::uint64_t generation = hold(7, "alice:1");
  // Nobody answers before the forgetting.
  server().set_away(true);
  server().cut_streams();
  client_->operate(7, generation, advance_to(v1::ACCEPTED));
  client_->operate(7, generation, detach_for(v1::SOCKET_LOST));
  client_->forget(7);
  server().set_away(false);
  ASSERT_TRUE(client_->drain(10'000));
  EXPECT_EQ(record("alice:1").owner, "");
  EXPECT_THAT(told<v1::OperateAnswer>(), IsEmpty());
}

TEST_P(CoordinatorClientContract, AnAbandonedClaimLeavesNoOwner) {
  client_->claim(7, make_claim("alice:1", "id"), all_but_holds(box_));
  client_->abandon(7);
  client_->forget(7);
  hold(8, "bob:1");
  EXPECT_TRUE(client_->drain(10'000));
  EXPECT_EQ(record("alice:1").owner, "");
}

TEST_P(CoordinatorClientContract, WhoIsReplacedIsTold) {
  const std::uint64_t generation = hold(7, "alice:1");
  server().run([](MemoryCoordinator& c) { c.take_over("alice:1", "another"); });
  ASSERT_TRUE(box_.wait_for(2));
  ASSERT_THAT(told<v1::Superseded>(), SizeIs(1));
  EXPECT_GT(told<v1::Superseded>()[0].by_generation(), generation);
  hold(8, "bob:1");
  server().run([](MemoryCoordinator& c) { c.release("bob:1", v1::KICKED, 4502); });
  ASSERT_TRUE(eventually([&] { return told<v1::Released>().size() == 1; }));
  EXPECT_EQ(told<v1::Released>()[0].close_code(), 4502u);
}

TEST_P(CoordinatorClientContract, ABrokenStreamIsOpenedAgainAndNothingIsLost) {
  const std::uint64_t generation = hold(7, "alice:1");
  for (std::uint64_t round = 1; round <= 5; ++round) {
    // There must be a stream to cut.
    ASSERT_TRUE(eventually([&] { return client_->counters().attached >= round; }));
    client_->operate(7, generation, advance_to(v1::PROCESSING_READY));
    client_->operate(7, generation, advance_to(v1::IDLE));
    server().cut_streams();
    EXPECT_TRUE(client_->drain(10'000));
    EXPECT_THAT(record("alice:1").taken, SizeIs(round * 2));
  }
  EXPECT_EQ(record("alice:1").owner, test_gateway_id);
  EXPECT_THAT(told<v1::Released>(), IsEmpty());
  EXPECT_TRUE(eventually([&] { return client_->counters().streams_ended >= 5; }));
}

TEST_P(CoordinatorClientContract, ACoordinatorThatDrainsIsLeftAtOnce) {
  const std::uint64_t generation = hold(7, "alice:1");
  server().run([](MemoryCoordinator& coordinator) { coordinator.drain(); });
  ASSERT_TRUE(eventually([&] { return client_->counters().attached >= 2; }));
  client_->operate(7, generation, advance_to(v1::ACCEPTED));
  EXPECT_TRUE(client_->drain(10'000));
  EXPECT_THAT(record("alice:1").taken, SizeIs(1));
}

TEST_P(CoordinatorClientContract, ASilentCoordinatorIsLeft) {
  server().run([](MemoryCoordinator& coordinator) { coordinator.heartbeat_ms = 20; });
  restart(AttachmentLimits{.silence_ms = 50});
  ASSERT_TRUE(eventually([&] { return client_->counters().heartbeats_confirmed >= 3; }));
  EXPECT_EQ(client_->counters().streams_ended, 0u);
  server().run([](MemoryCoordinator& coordinator) { coordinator.confirm_heartbeats = false; });
  EXPECT_TRUE(eventually([&] { return client_->counters().streams_ended >= 1; }));
}

TEST_P(CoordinatorClientContract, ItSaysWhenNobodyAnswersAndWhatIsOwedIsKept) {
  restart(AttachmentLimits{.unreachable_after_ms = 100});
  const std::uint64_t generation = hold(7, "alice:1");
  EXPECT_TRUE(client_->reachable());
  server().set_away(true);
  client_->operate(7, generation, detach_for(v1::SOCKET_LOST));
  client_->forget(7);
  EXPECT_TRUE(eventually([&] { return !client_->reachable(); }));
  EXPECT_FALSE(client_->drain(50));
  server().set_away(false);
  EXPECT_TRUE(client_->drain(10'000));
  EXPECT_TRUE(client_->reachable());
  EXPECT_EQ(record("alice:1").owner, "");
}

TEST_P(CoordinatorClientContract, ManyClaimsShareFewMessages) {
  hold(1, "a:1");
  const std::uint64_t before = client_->counters().messages_written;
  for (std::uint64_t each = 2; each <= 2'000; ++each) claim(each, "a:" + std::to_string(each));
  ASSERT_TRUE(box_.wait_for(2'000));
  EXPECT_LT(client_->counters().messages_written - before, 1'000u);
  EXPECT_EQ(client_->counters().waiting_claims, 0u);
}

TEST_P(CoordinatorClientContract, ItEndsInTheMiddleOfAnything) {
  for (std::uint64_t round = 0; round < 20; ++round) {
    const bool away = round % 5 == 4;
    server().set_away(away);
    restart({});
    claim(1, "a:" + std::to_string(round));
    // Nothing, or at least a hello has come; what follows it may have come in the same message.
    const std::uint64_t messages = away ? 0 : round % 2;
    EXPECT_TRUE(eventually([&] { return client_->counters().messages_received >= messages; }));
    client_->operate(1, 1, advance_to(v1::ACCEPTED));
    if (round % 3 == 0) server().cut_streams();
  }
  client_.reset();
}

}  // namespace interlock
