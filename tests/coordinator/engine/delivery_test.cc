// Which events go down which stream next.
#include "coordinator/engine/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/engine/record_codec.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Generation kSince = 100;
const std::string kKey = "alice:1";

OutboxEvent event(Sequence sequence, std::size_t bytes = 10) {
  return {.sequence = sequence,
          .type = "note",
          .id = "e" + std::to_string(sequence),
          .payload = std::string(bytes, 'x')};
}
std::vector<Sequence> numbers(const std::vector<OutboxEvent>& events) {
  std::vector<Sequence> numbers;
  for (const OutboxEvent& one : events) numbers.push_back(one.sequence);
  return numbers;
}

// ---- the events of late ----

TEST(RecentEvents, ARunWithoutAGapIsTakenFromWhereverItIsWanted) {
  RecentEvents recent(1'000'000);
  for (Sequence i = 5; i <= 9; ++i) recent.add(kKey, kSince, event(i));
  EXPECT_THAT(numbers(recent.take(kKey, kSince, 5, 64, 1'000'000)), ElementsAre(5, 6, 7, 8, 9));
  EXPECT_THAT(numbers(recent.take(kKey, kSince, 8, 64, 1'000'000)), ElementsAre(8, 9));
  EXPECT_THAT(recent.take(kKey, kSince, 4, 64, 1'000'000), IsEmpty());
  EXPECT_THAT(recent.take(kKey, kSince, 10, 64, 1'000'000), IsEmpty());
  EXPECT_THAT(recent.take("alice:2", kSince, 5, 64, 1'000'000), IsEmpty());
}

TEST(RecentEvents, NoMoreIsTakenThanAMessageMayCarry) {
  RecentEvents recent(1'000'000);
  for (Sequence i = 1; i <= 9; ++i) recent.add(kKey, kSince, event(i, 100));
  EXPECT_THAT(numbers(recent.take(kKey, kSince, 1, 3, 1'000'000)), ElementsAre(1, 2, 3));
  EXPECT_THAT(numbers(recent.take(kKey, kSince, 1, 64, 250)), ElementsAre(1, 2, 3));
  EXPECT_THAT(numbers(recent.take(kKey, kSince, 1, 64, 1)), ElementsAre(1));
}

TEST(RecentEvents, AGapOrANewLifeBeginsAnew) {
  RecentEvents recent(1'000'000);
  recent.add(kKey, kSince, event(1));
  recent.add(kKey, kSince, event(3));  // somebody else took 2
  EXPECT_THAT(recent.take(kKey, kSince, 1, 64, 1'000), IsEmpty());
  EXPECT_THAT(numbers(recent.take(kKey, kSince, 3, 64, 1'000)), ElementsAre(3));
  recent.add(kKey, kSince + 1, event(4));  // of the next life, and only looks as if it followed
  EXPECT_THAT(recent.take(kKey, kSince, 3, 64, 1'000), IsEmpty());
  EXPECT_THAT(numbers(recent.take(kKey, kSince + 1, 4, 64, 1'000)), ElementsAre(4));
  EXPECT_EQ(recent.bytes(), 10u);
}

TEST(RecentEvents, TheOldestAreDroppedFirstWithinABoundOfBytes) {
  RecentEvents recent(1'000);
  for (Sequence i = 1; i <= 50; ++i) {
    recent.add(i % 2 == 0 ? "alice:2" : kKey, kSince, event((i + 1) / 2, 100));
    EXPECT_LE(recent.bytes(), 1'000u);
  }
  EXPECT_THAT(recent.take(kKey, kSince, 1, 64, 10'000), IsEmpty());
  EXPECT_THAT(numbers(recent.take(kKey, kSince, 23, 64, 10'000)), ElementsAre(23, 24, 25));
  // An event that is larger than everything is not kept, and nothing is left over by that.
  recent.add("alice:3", kSince, event(1, 2'000));
  EXPECT_THAT(recent.take("alice:3", kSince, 1, 64, 10'000), IsEmpty());
  EXPECT_EQ(recent.bytes(), 0u);
}

// ---- deliveries ----

class DeliveriesTest : public testing::Test {
 protected:
  static EngineLimits limits() {
    EngineLimits limits;
    limits.delivery_events_max = 4;
    return limits;
  }
  static Record record(Sequence last, Sequence acknowledged = 0, std::uint32_t bytes = 10) {
    Record record{.state = State::kIdle, .generation = 7, .sequence_since = kSince};
    record.last_sequence = last;
    record.acknowledged = acknowledged;
    record.outbox_sizes.assign(last - acknowledged, bytes);
    return record;
  }
  // What is stored of the key, up to `last`.
  static std::vector<Attachment> stored(Sequence from, Sequence last) {
    std::vector<Attachment> list;
    for (Sequence i = from; i <= last; ++i) list.push_back({i, encode(event(i))});
    return list;
  }
  void attend(StreamId stream, const std::string& key, Sequence next, Generation generation = 7) {
    deliveries.attend(stream, key, generation, kSince, next);
  }
  void pump() { deliveries.pump(now_ms, tick, out); }
  void answer(std::uint64_t read, absl::StatusOr<std::vector<std::vector<Attachment>>> result) {
    deliveries.read_answered(read, result, now_ms, out);
    pump();
  }

  std::vector<Sequence> sent(StreamId stream, const std::string& key = kKey) const {
    std::vector<Sequence> sequences;
    for (const Output& output : out) {
      const auto* notified = std::get_if<Notified>(&output);
      if (notified == nullptr || notified->stream != stream) continue;
      const auto& delivered = std::get<EventsDelivered>(notified->notice);
      if (delivered.key != key) continue;
      for (const OutboxEvent& one : delivered.events) sequences.push_back(one.sequence);
    }
    return sequences;
  }
  std::vector<StartRead> reads() const {
    std::vector<StartRead> reads;
    for (const Output& output : out) {
      if (const auto* read = std::get_if<StartRead>(&output)) reads.push_back(*read);
    }
    return reads;
  }

  std::uint64_t now_ms = 1'000;
  Tick tick = 1;
  Outputs out;
  Deliveries deliveries{limits()};
};

TEST_F(DeliveriesTest, WhatWasPublishedAfterItAttendedIsSentWithoutReading) {
  deliveries.open(1, 1'000'000);
  attend(1, kKey, 1);
  deliveries.published(kKey, kSince, event(1));
  deliveries.progress(kKey, record(1));
  pump();
  EXPECT_THAT(sent(1), ElementsAre(1));
  EXPECT_THAT(reads(), IsEmpty());
  deliveries.progress(kKey, record(1));
  pump();
  EXPECT_THAT(sent(1), ElementsAre(1));
}

TEST_F(DeliveriesTest, WhatCameBeforeIsReadManyKeysInOneCall) {
  deliveries.open(1, 1'000'000);
  for (int i = 0; i < 5; ++i) {
    const std::string key = "alice:" + std::to_string(i);
    attend(1, key, 2);
    deliveries.progress(key, record(3, 1));
  }
  pump();
  ASSERT_THAT(reads(), SizeIs(1));
  ASSERT_THAT(reads()[0].requests, SizeIs(5));
  EXPECT_EQ(reads()[0].requests[0].from, 2u);
  EXPECT_EQ(reads()[0].requests[0].limit, 2u);
  answer(reads()[0].read, {std::vector<std::vector<Attachment>>(5, stored(2, 3))});
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(sent(1, "alice:" + std::to_string(i)), ElementsAre(2, 3));
  }
}

TEST_F(DeliveriesTest, ALongOutboxIsSentInMessagesOfItsSize) {
  deliveries.open(1, 1'000'000);
  attend(1, kKey, 1);
  deliveries.progress(kKey, record(10));
  pump();
  while (sent(1).size() < 10) {
    const StartRead read = reads().back();
    answer(read.read, {{stored(read.requests[0].from, 10)}});
    ASSERT_LT(reads().size(), 10u);
  }
  EXPECT_THAT(sent(1), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  EXPECT_THAT(reads(), SizeIs(3));
}

TEST_F(DeliveriesTest, WhatSkipsIsReadAgainAfterAPauseAndNeverSkipped) {
  deliveries.open(1, 1'000'000);
  attend(1, kKey, 1);
  deliveries.progress(kKey, record(4));
  pump();
  answer(reads().back().read, {{{{2, encode(event(2))}}}});  // 1 is missing
  EXPECT_THAT(sent(1), IsEmpty());
  EXPECT_THAT(reads(), SizeIs(1));
  const std::uint64_t at_ms = *deliveries.wake_at_ms();
  EXPECT_GT(at_ms, now_ms);
  now_ms = at_ms;
  pump();
  ASSERT_THAT(reads(), SizeIs(2));
  answer(reads().back().read, {{{{1, encode(event(1))}, {3, encode(event(3))}}}});
  EXPECT_THAT(sent(1), ElementsAre(1));
  answer(reads().back().read, {{stored(2, 4)}});
  EXPECT_THAT(sent(1), ElementsAre(1, 2, 3, 4));
}

TEST_F(DeliveriesTest, AReadThatFailsIsRepeatedWithLongerAndLongerPauses) {
  deliveries.open(1, 1'000'000);
  attend(1, kKey, 1);
  deliveries.progress(kKey, record(1));
  pump();
  std::uint64_t pause_before = 0;
  for (int i = 0; i < 12; ++i) {
    answer(reads().back().read, absl::UnavailableError("away"));
    const std::uint64_t pause = *deliveries.wake_at_ms() - now_ms;
    EXPECT_GE(pause, pause_before);
    pause_before = pause;
    now_ms += pause;
    pump();
  }
  EXPECT_EQ(pause_before, EngineLimits{}.retry_max_ms);
  EXPECT_THAT(reads(), SizeIs(13));
  answer(reads().back().read, {{stored(1, 1)}});
  EXPECT_THAT(sent(1), ElementsAre(1));
  EXPECT_EQ(deliveries.wake_at_ms(), std::nullopt);
}

TEST_F(DeliveriesTest, WhatIsAcknowledgedMeanwhileIsNotWantedAnyMore) {
  deliveries.open(1, 1'000'000);
  attend(1, kKey, 1);
  deliveries.progress(kKey, record(4));
  pump();
  deliveries.progress(kKey, record(4, 3));
  answer(reads().back().read, {{stored(1, 4)}});
  EXPECT_THAT(sent(1), ElementsAre(4));
}

TEST_F(DeliveriesTest, AnAnswerForAnEarlierCursorIsNotTaken) {
  deliveries.open(1, 1'000'000);
  attend(1, kKey, 1, 7);
  deliveries.progress(kKey, record(2));
  pump();
  const std::uint64_t first = reads().back().read;
  deliveries.open(2, 1'000'000);
  attend(2, kKey, 1, 8);
  deliveries.progress(kKey, record(2));
  pump();
  answer(first, {{stored(1, 2)}});
  EXPECT_THAT(sent(1), IsEmpty());
  EXPECT_THAT(sent(2), IsEmpty());
  answer(reads().back().read, {{stored(1, 2)}});
  EXPECT_THAT(sent(2), ElementsAre(1, 2));
}

TEST_F(DeliveriesTest, WhatLeavesOrClosesIsOver) {
  deliveries.open(1, 1'000'000);
  attend(1, kKey, 1);
  attend(1, "alice:2", 1);
  EXPECT_TRUE(deliveries.attends(kKey, 7));
  EXPECT_FALSE(deliveries.attends(kKey, 8));
  deliveries.progress(kKey, record(2));
  deliveries.progress("alice:2", record(2));
  pump();
  deliveries.leave(kKey);
  answer(reads().back().read, {{stored(1, 2), stored(1, 2)}});
  EXPECT_THAT(sent(1), IsEmpty());
  EXPECT_THAT(sent(1, "alice:2"), ElementsAre(1, 2));
  deliveries.close(1);
  EXPECT_FALSE(deliveries.attends("alice:2", 7));
  deliveries.progress("alice:2", record(3));
  pump();
  EXPECT_THAT(reads(), SizeIs(1));
}

TEST_F(DeliveriesTest, CreditIsOfTheStreamThatTheEventsGoDown) {
  deliveries.open(1, 1'000'000);
  deliveries.open(2, 0);
  attend(1, kKey, 1);
  deliveries.published(kKey, kSince, event(1));
  deliveries.progress(kKey, record(1));  // queued on the first stream
  attend(2, kKey, 1, 8);
  deliveries.progress(kKey, record(1));
  pump();
  EXPECT_THAT(sent(2), IsEmpty());
  deliveries.add_credit(2, 1);
  pump();
  EXPECT_THAT(sent(2), ElementsAre(1));
}

TEST_F(DeliveriesTest, AReadTakesTheCreditThatItMayNeedAndGivesBackTheRest) {
  deliveries.open(1, 1'000);
  attend(1, kKey, 1);
  attend(1, "alice:2", 1);
  deliveries.progress(kKey, record(1, 0, 5'000));
  deliveries.progress("alice:2", record(1, 0, 5'000));
  pump();
  ASSERT_THAT(reads(), SizeIs(1));
  EXPECT_THAT(reads()[0].requests, SizeIs(1));
  answer(reads()[0].read, {{stored(1, 1)}});  // smaller than it might have been
  EXPECT_THAT(sent(1), ElementsAre(1));
  ASSERT_THAT(reads(), SizeIs(2));
  deliveries.leave("alice:2");
  answer(reads()[1].read, {{stored(1, 1)}});
  attend(1, "alice:3", 1);
  deliveries.progress("alice:3", record(1));
  pump();
  EXPECT_THAT(reads(), SizeIs(3));  // what the second read had taken is there again
}

TEST_F(DeliveriesTest, OneConnectionWithMuchToSayDoesNotKeepTheOthersWaiting) {
  deliveries.open(1, 1'000'000);
  attend(1, kKey, 1);
  attend(1, "alice:2", 1);
  for (Sequence i = 1; i <= 12; ++i) deliveries.published(kKey, kSince, event(i));
  deliveries.published("alice:2", kSince, event(1));
  deliveries.progress(kKey, record(12));
  deliveries.progress("alice:2", record(1));
  pump();
  std::vector<std::string> order;
  for (const Output& output : out) {
    order.push_back(std::get<EventsDelivered>(std::get<Notified>(output).notice).key);
  }
  EXPECT_THAT(order, ElementsAre(kKey, "alice:2", kKey, kKey));
}

TEST_F(DeliveriesTest, AnEventThatCannotBeReadEndsTheProcess) {
  deliveries.open(1, 1'000'000);
  attend(1, kKey, 1);
  deliveries.progress(kKey, record(1));
  pump();
  answer(reads().back().read, {{{{1, "\xff\xff"}}}});
  EXPECT_TRUE(std::holds_alternative<Fatal>(out.back()));
}

TEST_F(DeliveriesTest, WithoutItsStreamNobodyAttendsAndTheNextOneBeginsWhereItSays) {
  deliveries.open(1, 1'000'000);
  attend(1, kKey, 1);
  deliveries.progress(kKey, record(3));
  deliveries.close(1);
  pump();
  EXPECT_THAT(reads(), IsEmpty());
  EXPECT_FALSE(deliveries.attends(kKey, 7));
  EXPECT_EQ(deliveries.sent(kKey), 0u);
  deliveries.open(2, 1'000'000);
  attend(2, kKey, 3);
  EXPECT_TRUE(deliveries.attends(kKey, 7));
  deliveries.progress(kKey, record(3));
  pump();
  ASSERT_THAT(reads(), SizeIs(1));
  EXPECT_EQ(reads()[0].requests[0].from, 3u);
}

}  // namespace
}  // namespace interlock
