#include "gateway/attachment.h"

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

v1::AttachResponse operate_refusal(const std::string& key, std::uint64_t generation) {
  v1::AttachResponse message;
  v1::OperateAnswer& answer = *message.add_operations();
  answer.set_key(key);
  answer.set_generation(generation);
  answer.mutable_refusal();
  return message;
}

TEST(Attachment, NothingIsSaidWithoutAStreamAndAClaimWaitsForOne) {
  AttachmentWorld world;
  world.attachment.claim(7, make_claim("alice:1", "id"));
  EXPECT_FALSE(world.write());
  EXPECT_EQ(world.attachment.waiting_claims(), 1u);
  world.open();
  world.settle();
  EXPECT_TRUE(world.attachment.attached());
  EXPECT_GT(world.generation(7), 0u);
  EXPECT_EQ(world.attachment.waiting_claims(), 0u);
  EXPECT_EQ(world.coordinator.find("alice:1")->owner, test_gateway_id);
}

TEST(Attachment, OperationsAreNumberedPerGenerationAndGoOutTogether) {
  AttachmentWorld world;
  const std::uint64_t first = world.hold(7, "alice:1");
  const std::uint64_t second = world.hold(8, "bob:1");
  world.attachment.operate(7, first, advance_to(v1::ACCEPTED));
  world.attachment.operate(7, first, advance_to(v1::AUTHENTICATED));
  world.attachment.operate(8, second, advance_to(v1::ACCEPTED));
  const auto message = world.write();
  ASSERT_THAT(message->operations(), SizeIs(2));
  EXPECT_THAT(numbers(message->operations(0)), ElementsAre(1, 2));
  EXPECT_THAT(numbers(message->operations(1)), ElementsAre(1));

  // One more while they are unanswered: all of them again, lowest first.
  world.attachment.operate(7, first, advance_to(v1::SERVICES_READY));
  const auto again = world.write();
  ASSERT_THAT(again->operations(), SizeIs(1));
  EXPECT_THAT(numbers(again->operations(0)), ElementsAre(1, 2, 3));

  world.coordinator.receive(world.stream, *message);
  world.hear_all();
  world.coordinator.receive(world.stream, *again);
  world.hear_all();
  const auto told = world.told<v1::OperateAnswer>(7);
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_THAT(told[0].done().steps(), ElementsAre(v1::ACCEPTED, v1::AUTHENTICATED));
  EXPECT_EQ(told[1].done().last_op(), 3u);
  EXPECT_EQ(world.attachment.unanswered_operations(), 0u);
}

TEST(Attachment, ATraceparentGoesWithWhatIsAskedAndIsRepeatedWithIt) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  v1::ClaimRequest claim = make_claim("bob:1", "id");
  claim.set_traceparent("of the claim");
  world.attachment.claim(8, claim);
  world.attachment.operate(7, generation, advance_to(v1::ACCEPTED), "of the first");
  world.attachment.operate(7, generation, advance_to(v1::AUTHENTICATED), "of the second");
  const auto message = world.write();
  ASSERT_THAT(message->operations(), SizeIs(1));
  EXPECT_EQ(message->operations(0).traceparent(), "of the second");
  EXPECT_EQ(message->claims(0).traceparent(), "of the claim");
  world.cut();
  world.requests.clear();
  world.open();
  world.settle();
  std::string claimed;
  std::string operated;
  for (const v1::AttachRequest& request : world.requests) {
    for (const auto& asked : request.claims()) claimed = asked.traceparent();
    for (const auto& asked : request.operations()) operated = asked.traceparent();
  }
  EXPECT_EQ(claimed, "of the claim");
  EXPECT_EQ(operated, "of the second");
}

TEST(Attachment, AtMostSixteenOperationsGoInOneRequest) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  for (int i = 0; i < 40; ++i) world.attachment.operate(7, generation, advance_to(v1::IDLE));
  const auto message = world.write();
  EXPECT_THAT(numbers(message->operations(0)), SizeIs(16));
  EXPECT_FALSE(world.write());  // the rest waits for the answer
  world.coordinator.receive(world.stream, *message);
  world.settle();
  EXPECT_EQ(world.attachment.unanswered_operations(), 0u);
  EXPECT_EQ(world.coordinator.find("alice:1")->taken.size(), 40u);
}

TEST(Attachment, ALateOrRepeatedAnswerTellsNobodyTwice) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  world.attachment.operate(7, generation, advance_to(v1::ACCEPTED));
  world.coordinator.receive(world.stream, *world.write());
  const auto answers = world.coordinator.take(world.stream);
  ASSERT_THAT(answers, SizeIs(1));
  world.hear(answers[0]);
  world.hear(answers[0]);
  world.attachment.operate(7, generation, advance_to(v1::IDLE));
  world.hear(answers[0]);
  EXPECT_THAT(world.told<v1::OperateAnswer>(7), SizeIs(1));
  world.settle();
  EXPECT_THAT(world.told<v1::OperateAnswer>(7), SizeIs(2));

  // And what an earlier stream says is not heard at all.
  world.attachment.operate(7, generation, advance_to(v1::AUTHENTICATED));
  world.coordinator.receive(world.stream, *world.write());
  const auto late = world.coordinator.take(world.stream);
  const std::uint64_t earlier = world.stream;
  world.cut();
  world.open();
  world.attachment.received(earlier, late[0], world.now_ms);
  EXPECT_THAT(world.told<v1::OperateAnswer>(7), SizeIs(2));
  EXPECT_EQ(world.attachment.unanswered_operations(), 1u);
}

TEST(Attachment, AStaleGenerationEndsAllItsOperations) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  world.coordinator.take_over("alice:1", "another");
  world.attachment.operate(7, generation, advance_to(v1::ACCEPTED));
  world.attachment.operate(7, generation, detach_for(v1::SOCKET_LOST));
  world.settle();
  ASSERT_THAT(world.told<v1::Superseded>(7), SizeIs(1));
  EXPECT_GT(world.told<v1::Superseded>(7)[0].by_generation(), generation);
  const auto told = world.told<v1::OperateAnswer>(7);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_TRUE(told[0].refusal().has_stale_generation());
  EXPECT_EQ(world.attachment.unanswered_operations(), 0u);
}

TEST(Attachment, WhatWasPutOffIsAskedAgainAndNobodyIsTold) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  world.attachment.operate(7, generation, advance_to(v1::ACCEPTED));
  ASSERT_TRUE(world.write());
  auto away = operate_refusal("alice:1", generation);
  away.mutable_operations(0)->mutable_refusal()->mutable_store_away()->set_after_ms(300);
  world.hear(away);
  EXPECT_FALSE(world.write());
  EXPECT_EQ(world.attachment.wake_at_ms(), world.now_ms + 300);
  world.pass(300);
  EXPECT_THAT(numbers(world.write()->operations(0)), ElementsAre(1));

  // Or as soon as the store is back.
  world.hear(away);
  v1::AttachResponse back;
  back.mutable_store_away()->set_away(false);
  world.hear(back);
  EXPECT_THAT(numbers(world.write()->operations(0)), ElementsAre(1));
  EXPECT_THAT(world.told<v1::OperateAnswer>(7), IsEmpty());
}

TEST(Attachment, ARefusalThatIsNotAboutTheGenerationSparesWhatWasNotAskedYet) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  world.attachment.operate(7, generation, advance_to(v1::ACCEPTED));
  ASSERT_TRUE(world.write());
  world.attachment.operate(7, generation, detach_for(v1::SOCKET_LOST));
  auto refused = operate_refusal("alice:1", generation);
  refused.mutable_operations(0)->mutable_refusal()->mutable_invalid_argument();
  world.hear(refused);
  EXPECT_THAT(world.told<v1::OperateAnswer>(7), SizeIs(1));
  EXPECT_THAT(numbers(world.write()->operations(0)), ElementsAre(2));
}

TEST(Attachment, AnAnswerNeverSettlesWhatWasNotSent) {
  AttachmentWorld world;
  const std::uint64_t generation = world.hold(7, "alice:1");
  world.attachment.operate(7, generation, detach_for(v1::SOCKET_LOST));
  v1::AttachResponse lie;
  lie.add_operations()->set_key("alice:1");
  lie.mutable_operations(0)->set_generation(generation);
  lie.mutable_operations(0)->mutable_done()->set_last_op(9);
  world.hear(lie);
  EXPECT_EQ(world.attachment.unanswered_operations(), 1u);
  world.settle();
  EXPECT_EQ(world.coordinator.find("alice:1")->owner, "");
}

TEST(Attachment, ASessionThatEndsWithoutAWordIsDetached) {
  AttachmentWorld world;
  world.hold(7, "alice:1");
  world.attachment.forget(7);
  world.settle();
  EXPECT_EQ(world.coordinator.find("alice:1")->owner, "");
  EXPECT_EQ(world.attachment.remembered(), 0u);
}

TEST(Attachment, ANoticeInTheQueueIsNotToldAfterForget) {
  AttachmentWorld world(AttachmentLimits{.event_credit_bytes = 100});
  const std::uint64_t generation = world.hold(7, "alice:1");
  world.attachment.operate(7, generation, advance_to(v1::PROCESSING_READY));
  world.settle();
  world.coordinator.publish("alice:1", "token", std::string(100, 'x'));
  for (const auto& message : world.coordinator.take(world.stream)) world.hear(message);
  world.attachment.forget(7);
  EXPECT_THAT(world.attachment.take_notices(), IsEmpty());
  world.settle();
  // What the session did not take over is given back for it.
  EXPECT_EQ(world.requests.back().event_credit_bytes(), 100u);
}

}  // namespace
}  // namespace interlock
