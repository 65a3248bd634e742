#include "gateway/replay.h"

#include <gtest/gtest.h>

namespace interlock {
namespace {

using Verdict = Replay::Verdict;

TEST(Replay, SendsEachSequenceOnceInOrder) {
  Replay replay(5);
  EXPECT_EQ(replay.last_sent(), 4U);
  EXPECT_EQ(replay.offer(5), Verdict::kSend);
  EXPECT_EQ(replay.offer(6), Verdict::kSend);
  EXPECT_EQ(replay.offer(5), Verdict::kRepetition);
  EXPECT_EQ(replay.offer(6), Verdict::kRepetition);
  EXPECT_EQ(replay.last_sent(), 6U);
}

TEST(Replay, RefusesASequenceThatSkipsAndStaysWhereItIs) {
  Replay replay(5);
  EXPECT_EQ(replay.offer(6), Verdict::kGap);
  EXPECT_EQ(replay.next(), 5U);
  EXPECT_EQ(replay.offer(5), Verdict::kSend);
}

TEST(Replay, IsNotReadyBeforeTheGenerationIsOperational) {
  Replay replay(1);
  EXPECT_EQ(replay.offer(1), Verdict::kSend);
  EXPECT_FALSE(replay.take_ready());
  EXPECT_FALSE(replay.live());
}

TEST(Replay, IsReadyOnceWhenEverythingBeforeTheBarrierWasSent) {
  Replay replay(3);
  replay.set_barrier(4);
  EXPECT_FALSE(replay.take_ready());
  EXPECT_EQ(replay.offer(3), Verdict::kSend);
  EXPECT_FALSE(replay.take_ready());
  EXPECT_EQ(replay.offer(4), Verdict::kSend);
  EXPECT_FALSE(replay.live());
  EXPECT_TRUE(replay.take_ready());
  EXPECT_TRUE(replay.live());
  EXPECT_FALSE(replay.take_ready());
  EXPECT_EQ(replay.replayed(), 2U);
}

TEST(Replay, HasNothingToReplayWhenTheClientIsUpToDate) {
  Replay replay(8);
  replay.set_barrier(7);
  EXPECT_TRUE(replay.take_ready());
  EXPECT_EQ(replay.replayed(), 0U);
}

TEST(Replay, CountsOnlyWhatCameBeforeTheBarrierAsReplayed) {
  Replay replay(1);
  replay.set_barrier(1);
  EXPECT_EQ(replay.offer(1), Verdict::kSend);
  EXPECT_TRUE(replay.take_ready());
  EXPECT_EQ(replay.offer(2), Verdict::kSend);
  EXPECT_EQ(replay.replayed(), 1U);
}

TEST(Replay, ALaterAnswerDoesNotMoveTheBarrier) {
  Replay replay(1);
  replay.set_barrier(1);
  replay.set_barrier(9);
  EXPECT_EQ(replay.offer(1), Verdict::kSend);
  EXPECT_TRUE(replay.take_ready());
}

TEST(Replay, SequencesBeginAtOne) {
  Replay replay(0);
  EXPECT_EQ(replay.next(), 1U);
  EXPECT_EQ(replay.last_sent(), 0U);
  EXPECT_EQ(replay.offer(0), Verdict::kRepetition);
}

}  // namespace
}  // namespace interlock
