// Events on their way into the outbox: numbered once, however often they are published.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Publish, GivesTheNextSequenceAndPutsTheEvent) {
  OneKey key = key_in(kProcessingReady);
  key.context.tick = 321;
  Publish first = event_outside("a", "{\"n\":1}");
  first.ttl_ms = 5'000;
  const Receipt receipt = answered<Receipt>(key.ask(first));
  EXPECT_EQ(receipt.sequence, 1u);
  EXPECT_EQ(receipt.sequence_since, key.now().sequence_since);
  EXPECT_EQ(receipt.state, kProcessingReady);
  EXPECT_FALSE(receipt.repeated);

  const OutboxEvent& event = key.decision.put.value();
  EXPECT_EQ(event.sequence, 1u);
  EXPECT_EQ(event.type, "notice");
  EXPECT_EQ(event.payload, "{\"n\":1}");
  EXPECT_EQ(event.id, "a");
  EXPECT_EQ(event.tick, 321u);
  EXPECT_EQ(event.ttl_ms, 5'000u);
  EXPECT_EQ(event.time_unix_ms, key.context.time_unix_ms);
  EXPECT_THAT(key.now().outbox_sizes, ElementsAre(7));
  EXPECT_EQ(answered<Receipt>(key.ask(event_outside("b"))).sequence, 2u);
}

TEST(Publish, AnEventOfARunIsCalledByRunAndNumber) {
  OneKey key = key_in(kProcessingReady);
  key.ask(opens("run"));
  const OutboxEvent& event = key.decision.put.value();
  EXPECT_EQ(event.run, "run");
  EXPECT_EQ(event.number, 1u);
  EXPECT_EQ(event.id, "run/1");
}

TEST(Publish, IsAcceptedInEveryStateButClosed) {
  for (State state : kStates) {
    SCOPED_TRACE(name_of(state));
    OneKey key = key_in(state);
    const Record before = key.now();
    const Answer answer = key.ask(event_outside("new"));
    if (state == kClosed) {
      EXPECT_EQ(refused<Gone>(answer).state, kClosed);
      EXPECT_EQ(key.now(), before);
    } else {
      EXPECT_EQ(answered<Receipt>(answer).state, state);
      EXPECT_EQ(key.now().last_sequence, before.last_sequence + 1);
      EXPECT_EQ(key.now().state, state);
    }
  }
  OneKey waiting = waiting_key();
  answered<Receipt>(waiting.ask(event_outside("new")));
}

TEST(Publish, ToAClosedKeyIsGoneHoweverItIsAsked) {
  OneKey key = key_in(kProcessing);
  key.ask(event_outside("a"));
  key.ask(by_owner(key, {close()}));
  refused<Gone>(key.ask(event_outside("a")));
  refused<Gone>(key.ask(opens("run")));
  refused<Gone>(key.ask(ends("run")));
}

// ---- idempotency keys ----

TEST(Publish, ARepeatedIdempotencyKeyHasTheSameReceipt) {
  OneKey key = key_in(kProcessingReady);
  const Receipt first = answered<Receipt>(key.ask(event_outside("a")));
  key.ask(event_outside("b"));
  const Receipt again = answered<Receipt>(key.ask(event_outside("a", "{\"other\":1}")));
  EXPECT_EQ(again.sequence, first.sequence);
  EXPECT_EQ(again.sequence_since, first.sequence_since);
  EXPECT_TRUE(again.repeated);
  EXPECT_FALSE(key.wrote());
  EXPECT_FALSE(key.decision.put.has_value());
}

TEST(Publish, TheLastSixteenIdempotencyKeysAreRemembered) {
  OneKey key = key_in(kProcessingReady);
  for (int i = 1; i <= 17; ++i) key.ask(event_outside(std::to_string(i)));
  EXPECT_THAT(key.now().publish_keys, SizeIs(16));
  for (Sequence i = 2; i <= 17; ++i) {
    const Receipt again = answered<Receipt>(key.ask(event_outside(std::to_string(i))));
    EXPECT_EQ(again.sequence, i);
    EXPECT_TRUE(again.repeated);
  }
  EXPECT_EQ(answered<Receipt>(key.ask(event_outside("1"))).sequence, 18u) << "the limit is said";
}

TEST(Publish, ARepetitionIsAnsweredEvenWhenTheOutboxIsFull) {
  OneKey key = key_in(kProcessingReady);
  key.context.limits.outbox_events_max = 2;
  key.ask(event_outside("a"));
  key.ask(opens("run"));
  EXPECT_TRUE(answered<Receipt>(key.ask(event_outside("a"))).repeated);
  EXPECT_TRUE(answered<Receipt>(key.ask(opens("run"))).repeated);
  refused<ResourceExhausted>(key.ask(event_outside("b")));
}

// ---- limits ----

TEST(Publish, AnOutboxFullByCountRefusesAndDropsNothing) {
  OneKey key = key_in(kProcessingReady);
  key.context.limits.outbox_events_max = 3;
  for (const char* id : {"a", "b", "c"}) key.ask(event_outside(id));
  const Record before = key.now();
  const ResourceExhausted full = refused<ResourceExhausted>(key.ask(event_outside("d")));
  EXPECT_EQ(full.limit, "outbox_events_max");
  EXPECT_EQ(full.value, 3u);
  EXPECT_EQ(key.now(), before);

  key.ask(Acknowledge{kHere, key.now().generation, 1});
  EXPECT_EQ(answered<Receipt>(key.ask(event_outside("d"))).sequence, 4u) << "no number was skipped";
}

TEST(Publish, AnOutboxFullByBytesRefusesAndDropsNothing) {
  OneKey key = key_in(kProcessingReady);
  key.context.limits.outbox_bytes_max = 10;
  answered<Receipt>(key.ask(event_outside("a", "12345")));
  const ResourceExhausted full = refused<ResourceExhausted>(key.ask(event_outside("b", "123456")));
  EXPECT_EQ(full.limit, "outbox_bytes_max");
  EXPECT_EQ(full.value, 10u);
  answered<Receipt>(key.ask(event_outside("b", "12345")));  // exactly full is not too much
  refused<ResourceExhausted>(key.ask(event_outside("c", "1")));
  EXPECT_THAT(key.now().outbox_sizes, ElementsAre(5, 5));
}

TEST(Publish, ARunIsNotOpenedByAnEventThatFoundNoRoom) {
  OneKey key = key_in(kProcessingReady);
  key.context.limits.outbox_events_max = 0;
  refused<ResourceExhausted>(key.ask(opens("run")));
  EXPECT_EQ(key.now().state, kProcessingReady);
  EXPECT_THAT(key.now().runs, IsEmpty());
}

TEST(Publish, APayloadHasALimit) {
  OneKey key = key_in(kProcessingReady);
  key.context.limits.payload_bytes_max = 4;
  EXPECT_EQ(refused<ResourceExhausted>(key.ask(event_outside("a", "12345"))).limit,
            "payload_bytes_max");
  answered<Receipt>(key.ask(event_outside("a", "1234")));
}

TEST(Publish, NamesThatAreTooLongOrMissingAreSaidToBeWrong) {
  OneKey key = key_in(kProcessingReady);
  const Record before = key.now();
  const auto wrong = [&key](const Publish& publish) {
    return refused<InvalidArgument>(key.ask(publish)).field;
  };
  EXPECT_EQ(wrong(event_of(std::string(129, 'r'), 1)), "run");
  EXPECT_EQ(wrong(event_outside(std::string(129, 'k'))), "idempotency_key");
  EXPECT_EQ(wrong(event_outside("")), "idempotency_key");
  EXPECT_EQ(wrong(event_of("run", 0)), "number");
  EXPECT_EQ(wrong(event_of("", 1)), "number");
  EXPECT_EQ(key.now(), before);
  answered<Receipt>(key.ask(event_of(std::string(128, 'r'), 1)));
  answered<Receipt>(key.ask(event_outside(std::string(128, 'k'))));
}

TEST(Publish, DoesNotRestartTheDeadlineOfAWaitingMachine) {
  OneKey key = waiting_key();
  const Tick since = key.now().changed_tick;
  key.context.tick += 60;
  key.ask(opens("run"));
  EXPECT_EQ(key.now().changed_tick, since);
}

}  // namespace
}  // namespace interlock
