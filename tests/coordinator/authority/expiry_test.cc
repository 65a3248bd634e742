// Events with a time to live, and what can be said of an event later.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "coordinator/authority/outbox.h"
#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Publish lives_for(const std::string& idempotency_key, std::uint64_t ttl_ms) {
  Publish publish = event_outside(idempotency_key);
  publish.ttl_ms = ttl_ms;
  return publish;
}

DeliveryState state_of(const OneKey& key, Sequence sequence) {
  return delivery_of(key.now(), sequence, key.now().sequence_since, key.context.tick);
}

void acknowledge(OneKey& key, Sequence sequence) {
  answered<Settled>(key.ask(Acknowledge{key.now().owner, key.now().generation, sequence}));
}

TEST(Expiry, ATimeToLiveIsCountedInWholeTicksBehindTheOneThatWasPassing) {
  EXPECT_EQ(due_of(100, 0), 0u);
  EXPECT_EQ(due_of(100, 1), 102u);
  EXPECT_EQ(due_of(100, 1'000), 102u);
  EXPECT_EQ(due_of(100, 1'001), 103u);
}

TEST(Expiry, AnEventIsAcceptedUntilItsTimeIsOver) {
  OneKey key = key_in(kProcessingReady);
  key.ask(lives_for("a", 5'000));
  key.context.tick += 5;
  EXPECT_EQ(state_of(key, 1), DeliveryState::kAccepted);
  key.context.tick += 1;
  EXPECT_EQ(state_of(key, 1), DeliveryState::kExpired);
  key.context.tick += 1'000;
  EXPECT_EQ(state_of(key, 1), DeliveryState::kExpired);
}

TEST(Expiry, OneThatWasAcknowledgedInTimeStaysAcknowledged) {
  OneKey key = key_in(kProcessingReady);
  key.ask(lives_for("a", 5'000));
  key.context.tick += 5;
  acknowledge(key, 1);
  key.context.tick += 1'000;
  EXPECT_EQ(state_of(key, 1), DeliveryState::kAcknowledged);
  EXPECT_THAT(key.now().timed, IsEmpty());
}

TEST(Expiry, OneThatWasAcknowledgedTooLateStaysExpired) {
  OneKey key = key_in(kProcessingReady);
  key.ask(event_outside("before"));
  key.ask(lives_for("a", 5'000));
  key.ask(event_outside("behind"));
  key.context.tick += 6;
  acknowledge(key, 3);
  EXPECT_EQ(state_of(key, 1), DeliveryState::kAcknowledged);
  EXPECT_EQ(state_of(key, 2), DeliveryState::kExpired);
  EXPECT_EQ(state_of(key, 3), DeliveryState::kAcknowledged);
}

// It is written later than it came.
TEST(Expiry, AnAcknowledgementCountsFromWhenItCame) {
  OneKey key = key_in(kProcessingReady);
  key.ask(lives_for("a", 1'000));
  const Tick came = key.context.tick + 1;
  key.context.tick += 3;
  key.ask(Acknowledge{key.now().owner, key.now().generation, 1, came});
  EXPECT_EQ(state_of(key, 1), DeliveryState::kAcknowledged);
}

TEST(Expiry, OfMoreThanARecordRemembersNothingIsMadeUp) {
  OneKey key = key_in(kProcessingReady);
  for (int i = 1; i <= 18; ++i) key.ask(lives_for(std::to_string(i), 1'000));
  key.ask(event_outside("for ever"));
  key.context.tick += 2;
  acknowledge(key, 19);
  EXPECT_THAT(key.now().expired, SizeIs(kExpiredMax));
  EXPECT_EQ(state_of(key, 2), DeliveryState::kUnknown);
  EXPECT_EQ(state_of(key, 3), DeliveryState::kExpired);
  EXPECT_EQ(state_of(key, 18), DeliveryState::kExpired);
  EXPECT_EQ(state_of(key, 19), DeliveryState::kAcknowledged);
}

TEST(Expiry, WhatClosesExpiresAndWhatWasNeverAssignedIsUnknown) {
  OneKey key = key_in(kProcessingReady);
  key.ask(event_outside("a"));
  key.ask(event_outside("b"));
  acknowledge(key, 1);
  key.ask(by_owner(key, {close()}));
  ASSERT_EQ(key.now().state, kClosed);
  EXPECT_EQ(state_of(key, 1), DeliveryState::kAcknowledged);
  EXPECT_EQ(state_of(key, 2), DeliveryState::kExpired);
  EXPECT_EQ(state_of(key, 3), DeliveryState::kUnknown);
  EXPECT_EQ(state_of(key, 0), DeliveryState::kUnknown);
  EXPECT_EQ(delivery_of(key.now(), 1, key.now().sequence_since + 1, 100), DeliveryState::kUnknown);
}

TEST(Expiry, AnotherLifeOfTheKeyKnowsNothingOfTheOneBefore) {
  OneKey key = key_in(kProcessingReady);
  key.ask(lives_for("a", 1'000));
  key.context.tick += 2;
  acknowledge(key, 1);
  const Generation since = key.now().sequence_since;
  key.ask(by_owner(key, {close()}));
  key.ask(claim_by(kThere, "next", kProcessingReady));
  EXPECT_EQ(delivery_of(key.now(), 1, since, key.context.tick), DeliveryState::kUnknown);
  key.ask(event_outside("b"));
  acknowledge(key, 1);
  EXPECT_EQ(state_of(key, 1), DeliveryState::kAcknowledged);
}

// A client that takes nothing for a day: its publishers are told, nothing is dropped.
TEST(Expiry, AnOutboxThatStandsStillTakesNoMore) {
  OneKey key = key_in(kProcessingReady);
  key.context.limits.outbox_age_ticks_max = 50;
  key.ask(event_outside("a"));
  key.context.tick += 50;
  answered<Receipt>(key.ask(event_outside("b")));
  key.context.tick += 1;
  EXPECT_EQ(refused<ResourceExhausted>(key.ask(event_outside("c"))).limit, "outbox_age_max");
  acknowledge(key, 1);
  answered<Receipt>(key.ask(event_outside("c")));
  acknowledge(key, 3);
  key.context.tick += 1'000;
  answered<Receipt>(key.ask(event_outside("d")));
}

}  // namespace
}  // namespace interlock
