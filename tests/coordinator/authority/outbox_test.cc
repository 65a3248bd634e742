#include "coordinator/authority/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::ElementsAre;
using testing::IsEmpty;

// An operational connection with the events 1, 2, 3 in its outbox.
OneKey three_events() {
  OneKey key = key_in(kProcessingReady);
  key.ask(event_outside("a", "1"));
  key.ask(event_outside("b", "22"));
  key.ask(event_outside("c", "333"));
  return key;
}

Acknowledge acknowledges(const OneKey& key, Sequence sequence) {
  return {key.now().owner, key.now().generation, sequence};
}

TEST(Outbox, AnAcknowledgementTakesAwayEverythingUpToIt) {
  OneKey key = three_events();
  answered<Settled>(key.ask(acknowledges(key, 2)));
  EXPECT_EQ(trimmed(key), Range({1, 2}));
  EXPECT_EQ(key.now().acknowledged, 2u);
  EXPECT_EQ(key.now().last_sequence, 3u);
  EXPECT_THAT(key.now().outbox_sizes, ElementsAre(3));
  EXPECT_EQ(outbox_events(key.now()), 1u);
  EXPECT_EQ(outbox_bytes(key.now()), 3u);

  answered<Settled>(key.ask(acknowledges(key, 3)));
  EXPECT_EQ(trimmed(key), Range({3, 3}));
  EXPECT_THAT(key.now().outbox_sizes, IsEmpty());
}

TEST(Outbox, AnAcknowledgementThatComesAgainOrLateWritesNothing) {
  OneKey key = three_events();
  key.ask(acknowledges(key, 2));
  for (Sequence sequence : {2, 1, 0}) {
    answered<Settled>(key.ask(acknowledges(key, sequence)));
    EXPECT_FALSE(key.wrote()) << sequence;
    EXPECT_EQ(trimmed(key), Range()) << sequence;
  }
}

TEST(Outbox, WhatWasNeverAssignedCannotBeAcknowledged) {
  OneKey key = three_events();
  answered<Settled>(key.ask(acknowledges(key, 4)));
  EXPECT_FALSE(key.wrote());
  EXPECT_EQ(key.now().acknowledged, 0u);
}

TEST(Outbox, AnEarlierGenerationMayNotAcknowledge) {
  OneKey key = three_events();
  const Acknowledge late = acknowledges(key, 3);
  key.ask(claim_by(kHere, "newer", kProcessingReady));
  EXPECT_EQ(refused<StaleGeneration>(key.ask(late)).current, key.now().generation);
  EXPECT_EQ(key.now().acknowledged, 0u);
}

TEST(Outbox, OnlyTheOwnerMayAcknowledge) {
  OneKey key = three_events();
  refused<StaleGeneration>(key.ask(Acknowledge{kThere, key.now().generation, 3}));
  const Acknowledge late = acknowledges(key, 3);
  key.ask(by_owner(key, {detach()}));
  refused<StaleGeneration>(key.ask(late));
  refused<StaleGeneration>(key.ask(Acknowledge{"", key.now().generation, 3}));
  EXPECT_EQ(key.now().acknowledged, 0u);
}

TEST(Outbox, AnAcknowledgementRidesAlongWithWhatTheOwnerDoes) {
  OneKey key = three_events();
  Operate idle = by_owner(key, {advance(kIdle)});
  idle.acknowledged = 2;
  answered<Done>(key.ask(idle));
  EXPECT_EQ(trimmed(key), Range({1, 2}));
  EXPECT_EQ(key.now().acknowledged, 2u);
  EXPECT_EQ(key.now().state, kIdle);
}

TEST(Outbox, AnAcknowledgementRidesAlongWithARefusedOperationToo) {
  OneKey key = three_events();
  Operate wrong = by_owner(key, {advance(kAccepted)});
  wrong.acknowledged = 1;
  answered<Done>(key.ask(wrong));
  EXPECT_EQ(key.now().acknowledged, 1u);
}

TEST(Outbox, AnAcknowledgementThatRidesAlongTooHighIsNotBelieved) {
  OneKey key = three_events();
  Operate idle = by_owner(key, {advance(kIdle)});
  idle.acknowledged = 4;
  answered<Done>(key.ask(idle));
  EXPECT_EQ(key.now().acknowledged, 0u);
}

TEST(Outbox, DetachCarriesTheLastAcknowledgement) {
  OneKey key = three_events();
  Operate leaving = by_owner(key, {detach()});
  leaving.acknowledged = 2;
  answered<Done>(key.ask(leaving));
  EXPECT_EQ(key.now().acknowledged, 2u);
  EXPECT_THAT(key.now().outbox_sizes, ElementsAre(3)) << "the rest waits for the client";
}

TEST(Outbox, ClosingEndsTheOutboxButRemembersWhatWasAcknowledged) {
  OneKey key = three_events();
  Operate leaving = by_owner(key, {close()});
  leaving.acknowledged = 1;
  answered<Done>(key.ask(leaving));
  EXPECT_EQ(trimmed(key), Range({1, 3})) << "the acknowledged and the expired in one range";
  EXPECT_EQ(key.now().acknowledged, 1u) << "receipts tell by it what expired";
  EXPECT_EQ(key.now().last_sequence, 3u);
  EXPECT_THAT(key.now().outbox_sizes, IsEmpty());
}

TEST(Outbox, ClosingWithNothingHeldTrimsNothing) {
  OneKey key = three_events();
  key.ask(acknowledges(key, 3));
  key.ask(by_owner(key, {close()}));
  EXPECT_EQ(trimmed(key), Range());
}

TEST(Outbox, TheEndOfASequenceForgetsRunsAndKeysAndANewLifeBeginsAtOne) {
  Record record{.last_sequence = 9, .acknowledged = 4, .outbox_sizes = {1, 1, 1, 1, 1}};
  record.sequence_since = 12;
  record.runs = {{.name = "a", .open = true}};
  record.publish_keys = {{.key = "k", .sequence = 9}};
  EXPECT_EQ(range(end_sequence(record)), Range({5, 9}));
  EXPECT_THAT(record.outbox_sizes, IsEmpty());
  EXPECT_THAT(record.runs, IsEmpty());
  EXPECT_THAT(record.publish_keys, IsEmpty());
  EXPECT_EQ(record.acknowledged, 4u);

  begin_sequence(record);
  EXPECT_EQ(record.last_sequence, 0u);
  EXPECT_EQ(record.acknowledged, 0u);
  EXPECT_EQ(record.sequence_since, kThisCommit);
}

TEST(Outbox, RangesThatFollowEachOtherBecomeOne) {
  const SequenceRange early{1, 2};
  const SequenceRange late{3, 9};
  EXPECT_EQ(range(joined(std::nullopt, std::nullopt)), Range());
  EXPECT_EQ(range(joined(early, std::nullopt)), Range({1, 2}));
  EXPECT_EQ(range(joined(std::nullopt, late)), Range({3, 9}));
  EXPECT_EQ(range(joined(early, late)), Range({1, 9}));
}

}  // namespace
}  // namespace interlock
