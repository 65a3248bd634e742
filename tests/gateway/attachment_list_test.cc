// What is listed after each attach, and what comes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/attachment_world.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::uint64_t> numbers(const v1::OperateRequest& request) {
  std::vector<std::uint64_t> found;
  for (const v1::Operation& operation : request.operations()) found.push_back(operation.op());
  return found;
}

TEST(AttachmentList, TheListFollowsTheGreetingAndComesBeforeAnythingElse) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  world.attachment.events_sent(7, generation, 4);
  world.attachment.acknowledge(7, generation, 3);
  world.attachment.claim(8, make_claim("alice:2", "asked before"));
  ASSERT_TRUE(world.write());  // and lost
  world.cut();
  world.attachment.claim(9, make_claim("alice:3", "asked after"));
  world.open_silently();
  const auto hello = world.write();
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->hello().gateway_id(), test_gateway_id);
  EXPECT_EQ(hello->hello().protocol_version(), 1u);
  EXPECT_FALSE(hello->held_end());
  EXPECT_FALSE(world.write());  // until the coordinator has greeted too
  world.coordinator.receive(world.stream, *hello);
  world.hear_all();

  const auto first = world.write();
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->has_hello());
  ASSERT_THAT(first->held(), SizeIs(1));
  EXPECT_EQ(first->held(0).key(), "alice:1");
  EXPECT_EQ(first->held(0).generation(), generation);
  EXPECT_EQ(first->held(0).last_sequence_sent(), 4u);
  EXPECT_EQ(first->held(0).acknowledged(), 3u);
  ASSERT_THAT(first->pending_claims(), SizeIs(1));
  EXPECT_EQ(first->pending_claims(0).claim_id(), "asked before");
  EXPECT_TRUE(first->held_end());
  // What comes behind the end in field order may ride along.
  ASSERT_THAT(first->claims(), SizeIs(2));
  EXPECT_EQ(first->claims(0).claim_id(), "asked before");
  EXPECT_EQ(first->claims(1).claim_id(), "asked after");
  EXPECT_EQ(first->heartbeat().number(), 2u);
}

TEST(AttachmentList, ALongListTakesSeveralMessagesAndNothingOvertakesItsEnd) {
  AttachmentWorld world(AttachmentLimits{.message_bytes_max = 200});
  for (std::uint64_t each = 1; each <= 30; ++each) world.hold(each, "a:" + std::to_string(each));
  world.cut();
  for (std::uint64_t each = 1; each <= 30; ++each) {
    world.attachment.operate(each, world.generation(each), advance_to(v1::ACCEPTED));
  }
  world.requests.clear();
  world.open();
  world.settle();

  int listed = 0;
  bool ended = false;
  for (const v1::AttachRequest& request : world.requests) {
    listed += request.held_size();
    if (ended) {
      EXPECT_THAT(request.held(), IsEmpty());
    }
    ended = ended || request.held_end();
    if (ended) continue;
    EXPECT_THAT(request.operations(), IsEmpty());
    EXPECT_FALSE(request.has_heartbeat());
    EXPECT_LE(request.ByteSizeLong(), 350u);
  }
  EXPECT_EQ(listed, 30);
  EXPECT_GT(world.requests.size(), 5u);
  EXPECT_EQ(world.attachment.unanswered_operations(), 0u);
}

TEST(AttachmentList, AnAnswerThatWasLostWithItsStreamComesWithTheList) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  world.attachment.operate(7, generation, advance_to(v1::ACCEPTED));
  world.attachment.operate(7, generation, advance_to(v1::AUTHENTICATED));
  world.coordinator.receive(world.stream, *world.write());
  world.cut();  // with the answer
  world.attachment.operate(7, generation, advance_to(v1::SERVICES_READY));
  world.open();
  const auto first = world.write();
  EXPECT_EQ(first->held(0).last_op(), 2u);  // the last one sent
  EXPECT_THAT(first->operations(), IsEmpty());
  world.attachment.operate(7, generation, advance_to(v1::IDLE));
  EXPECT_FALSE(world.write());  // which of them were taken is not known yet
  world.coordinator.receive(world.stream, *first);
  world.hear_all();

  const auto told = world.told<v1::OperateAnswer>(7);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].done().last_op(), 2u);
  EXPECT_EQ(told[0].done().state(), v1::AUTHENTICATED);
  EXPECT_THAT(told[0].done().steps(), IsEmpty());
  EXPECT_THAT(numbers(world.write()->operations(0)), ElementsAre(3, 4));
}

TEST(AttachmentList, SupersededIsToldOnlyForAHigherGeneration) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  v1::AttachResponse lie;
  lie.add_superseded()->set_key("alice:1");
  lie.mutable_superseded(0)->set_generation(generation);
  lie.mutable_superseded(0)->set_by_generation(generation);
  world.hear(lie);
  EXPECT_THAT(world.told<v1::Superseded>(7), IsEmpty());

  world.cut();
  world.attachment.operate(7, generation, advance_to(v1::ACCEPTED));
  world.open();
  ASSERT_TRUE(world.write());
  v1::AttachResponse list;
  list.add_reconciled()->set_key("alice:1");
  list.mutable_reconciled(0)->set_generation(generation);
  list.mutable_reconciled(0)->set_superseded_by(generation - 1);
  list.set_reconciled_end(true);
  world.hear(list);
  EXPECT_THAT(world.told<v1::Superseded>(7), IsEmpty());
  EXPECT_THAT(numbers(world.write()->operations(0)), ElementsAre(1));  // the authority decides
}

TEST(AttachmentList, AListThatIsReadVeryLateDetachesNothing) {
  AttachmentWorld world;
  world.open();
  const auto late = world.write();  // an empty list, to a coordinator that stands still
  ASSERT_TRUE(late->held_end());
  const std::uint64_t slow = world.stream;
  world.cut();
  world.hold(7, "alice:1");  // with another one
  world.coordinator.receive(slow, *late);
  EXPECT_EQ(world.coordinator.find("alice:1")->owner, test_gateway_id);
}

TEST(AttachmentList, WhatBecameOfItMeanwhileIsSaidByTheList) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  world.hold(8, "bob:1");
  world.cut();
  world.coordinator.take_over("alice:1", "another");
  world.coordinator.release("bob:1", v1::GATEWAY_EXPIRED, 4005);
  world.attachment.operate(7, generation, detach_for(v1::SOCKET_LOST));
  world.open();
  world.settle();
  ASSERT_THAT(world.told<v1::Superseded>(7), SizeIs(1));
  EXPECT_GT(world.told<v1::Superseded>(7)[0].by_generation(), generation);
  ASSERT_THAT(world.told<v1::Released>(8), SizeIs(1));
  EXPECT_EQ(world.told<v1::Released>(8)[0].close_code(), 4005u);
  EXPECT_EQ(world.attachment.unanswered_operations(), 0u);
  world.attachment.forget(7);
  world.attachment.forget(8);
  EXPECT_EQ(world.attachment.remembered(), 0u);
  EXPECT_FALSE(world.write());  // and nothing is left to be said
}

TEST(AttachmentList, WhatWasLeftIsSeenThroughAfterItsSession) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  world.attachment.operate(7, generation, detach_for(v1::SOCKET_LOST));
  world.attachment.forget(7);
  ASSERT_TRUE(world.write());  // lost
  world.cut();
  EXPECT_EQ(world.attachment.unanswered_operations(), 1u);
  world.open();
  const auto first = world.write();
  ASSERT_THAT(first->held(), SizeIs(1));  // its socket is gone, but it is listed
  world.coordinator.receive(world.stream, *first);
  world.settle();
  EXPECT_EQ(world.coordinator.find("alice:1")->owner, "");
  EXPECT_EQ(world.coordinator.find("alice:1")->taken[0].detach().reason(), v1::SOCKET_LOST);
  EXPECT_EQ(world.attachment.remembered(), 0u);
  EXPECT_THAT(world.told<v1::OperateAnswer>(7), IsEmpty());
}

}  // namespace
}  // namespace interlock
