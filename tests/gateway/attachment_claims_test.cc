// Claims that are given up, refused, or answered when nobody waits any more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/attachment_world.h"

namespace interlock {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(AttachmentClaims, OneThatWasNeverSentIsSimplyDropped) {
  AttachmentWorld world;
  world.attachment.claim(7, make_claim("alice:1", "id"));
  world.attachment.abandon(7);
  world.attachment.forget(7);
  EXPECT_EQ(world.attachment.remembered(), 0u);
  world.open();
  world.settle();
  EXPECT_EQ(world.coordinator.find("alice:1"), nullptr);
}

TEST(AttachmentClaims, AnAbandonedClaimIsNotRepeatedAndItsGrantIsDetached) {
  AttachmentWorld world;
  world.open();
  world.settle();
  world.attachment.claim(7, make_claim("alice:1", "id"));
  world.coordinator.receive(world.stream, *world.write());
  world.attachment.abandon(7);
  world.hear_all();  // the grant
  EXPECT_THAT(world.told<v1::ClaimAnswer>(7), IsEmpty());
  const auto message = world.write();
  ASSERT_THAT(message->operations(), SizeIs(1));
  EXPECT_EQ(message->operations(0).operations(0).op(), 1u);
  EXPECT_EQ(message->operations(0).operations(0).detach().reason(), v1::ABANDONED);
  world.coordinator.receive(world.stream, *message);
  world.settle();
  EXPECT_EQ(world.coordinator.find("alice:1")->owner, "");
  world.attachment.forget(7);
  EXPECT_EQ(world.attachment.remembered(), 0u);
}

TEST(AttachmentClaims, AnAbandonedClaimIsNotListedSoThatTheNextAttachDetachesIt) {
  AttachmentWorld world;
  world.open();
  world.settle();
  world.attachment.claim(7, make_claim("alice:1", "id"));
  world.coordinator.receive(world.stream, *world.write());
  EXPECT_EQ(world.coordinator.find("alice:1")->owner, test_gateway_id);
  world.cut();  // with the grant
  world.attachment.abandon(7);
  world.attachment.forget(7);
  world.open();
  const auto first = world.write();
  EXPECT_THAT(first->pending_claims(), IsEmpty());
  EXPECT_THAT(first->claims(), IsEmpty());
  ASSERT_THAT(first->abandons(), SizeIs(1));  // a copy may still be on its way
  world.coordinator.receive(world.stream, *first);
  world.settle();
  EXPECT_EQ(world.coordinator.find("alice:1")->owner, "");

  // A later heartbeat that is confirmed shows that the abandoning was read.
  EXPECT_EQ(world.attachment.remembered(), 1u);
  world.pass(5'000);
  world.settle();
  EXPECT_EQ(world.attachment.remembered(), 0u);
}

TEST(AttachmentClaims, TheAbandoningIsRepeatedOnEveryStreamUntilItWasRead) {
  AttachmentWorld world;
  world.open();
  world.settle();
  world.attachment.claim(7, make_claim("alice:1", "id"));
  const auto late = world.write();
  world.cut();
  world.attachment.abandon(7);
  for (int attempt = 0; attempt < 3; ++attempt) {
    world.open();
    EXPECT_THAT(world.write()->abandons(), SizeIs(1));  // lost
    world.cut();
  }
  world.open();
  world.settle();
  world.coordinator.receive(1, *late);  // the first copy comes now
  EXPECT_EQ(world.coordinator.find("alice:1"), nullptr);
}

TEST(AttachmentClaims, AGrantThatTheSessionDidNotSeeBeforeItGaveUpIsDetached) {
  AttachmentWorld world;
  world.hold(7, "alice:1");  // the notice is on its way to the session, which has just given up
  world.attachment.abandon(7);
  world.attachment.forget(7);
  world.settle();
  EXPECT_EQ(world.coordinator.find("alice:1")->owner, "");
  EXPECT_EQ(world.attachment.remembered(), 0u);
}

TEST(AttachmentClaims, ARepeatedClaimGetsTheSameGrant) {
  AttachmentWorld world;
  world.open();
  world.settle();
  world.attachment.claim(7, make_claim("alice:1", "id"));
  world.coordinator.receive(world.stream, *world.write());
  const std::uint64_t granted = world.coordinator.find("alice:1")->generation;
  world.cut();
  world.open();
  world.settle();
  EXPECT_EQ(world.generation(7), granted);
  EXPECT_THAT(world.told<v1::ClaimAnswer>(7), SizeIs(1));
}

TEST(AttachmentClaims, ARepeatedGrantOfWhatIsHeldDetachesNothing) {
  AttachmentWorld world;
  world.open();
  world.settle();
  world.attachment.claim(7, make_claim("alice:1", "id"));
  world.coordinator.receive(world.stream, *world.write());
  const auto answers = world.coordinator.take(world.stream);
  world.hear(answers[0]);
  world.hear(answers[0]);
  EXPECT_THAT(world.told<v1::ClaimAnswer>(7), SizeIs(1));
  EXPECT_FALSE(world.write());
}

TEST(AttachmentClaims, OneTooManyIsAnsweredAtOnce) {
  AttachmentWorld world(AttachmentLimits{.waiting_claims_max = 2});
  world.attachment.claim(1, make_claim("a:1", "1"));
  world.attachment.claim(2, make_claim("a:2", "2"));
  world.attachment.claim(3, make_claim("a:3", "3"));
  const auto told = world.told<v1::ClaimAnswer>(3);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_GT(told[0].refusal().not_now().after_ms(), 0u);
  EXPECT_EQ(told[0].claim_id(), "3");
  EXPECT_EQ(world.attachment.waiting_claims(), 2u);
}

TEST(AttachmentClaims, AbandonedOnesAreKeptInBounds) {
  AttachmentWorld world(AttachmentLimits{.waiting_claims_max = 10});
  world.open();
  world.settle();
  for (std::uint64_t each = 1; each <= 100; ++each) {
    world.attachment.claim(each, make_claim("a:1", "id " + std::to_string(each)));
    world.write();
    world.attachment.abandon(each);
    world.attachment.forget(each);
  }
  EXPECT_LE(world.attachment.remembered(), 10u);
}

TEST(AttachmentClaims, ASecondClaimOfAConnectionReplacesTheFirst) {
  AttachmentWorld world;
  world.hold(7, "alice:1");
  world.attachment.claim(7, make_claim("alice:2", "another"));
  world.settle();
  EXPECT_EQ(world.coordinator.find("alice:1")->owner, "");
  EXPECT_EQ(world.coordinator.find("alice:2")->owner, test_gateway_id);
  world.attachment.forget(7);
  world.settle();
  EXPECT_EQ(world.attachment.remembered(), 0u);
}

}  // namespace
}  // namespace interlock
