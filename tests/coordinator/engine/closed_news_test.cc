// Whom the engine asks to tell a backend of an end, and when again.
#include "coordinator/engine/closed_news.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace interlock {
namespace {

EngineLimits limits() {
  EngineLimits limits;
  limits.closed_under_way_max = 2;
  limits.closed_again_after_ms = 1'000;
  limits.closed_others_after_ms = 100;
  return limits;
}

std::string next(ClosedNews& news, std::uint64_t now_ms) {
  const auto task = news.next(now_ms, 0.5);
  return task ? task->key : "";
}

TEST(ClosedNews, WaitsForAGatewayThatHasABackend) {
  ClosedNews news(limits());
  news.observe("a", 7, true, 0);
  EXPECT_EQ(next(news, 0), "");
  EXPECT_EQ(news.wake_at_ms(), std::nullopt);
  news.open(3);
  const auto task = news.next(0, 0.5);
  ASSERT_TRUE(task);
  EXPECT_EQ(task->key, "a");
  EXPECT_EQ(task->generation, 7u);
  EXPECT_EQ(task->stream, 3u);
}

TEST(ClosedNews, IsToldAgainUntilTheRecordOwesNothing) {
  ClosedNews news(limits());
  news.open(3);
  news.observe("a", 7, true, 0);
  EXPECT_EQ(next(news, 0), "a");
  EXPECT_EQ(next(news, 999), "");
  EXPECT_EQ(news.wake_at_ms(), 1'000u);
  EXPECT_EQ(next(news, 1'000), "a");
  news.observe("a", 0, true, 1'500);
  EXPECT_EQ(next(news, 10'000), "");
  EXPECT_EQ(news.size(), 0u);
}

TEST(ClosedNews, ANewerEndReplacesTheOneBefore) {
  ClosedNews news(limits());
  news.open(3);
  news.observe("a", 7, true, 0);
  EXPECT_EQ(next(news, 0), "a");
  news.observe("a", 9, true, 10);
  const auto task = news.next(10, 0.5);
  ASSERT_TRUE(task);
  EXPECT_EQ(task->generation, 9u);
  EXPECT_EQ(next(news, 500), "");
}

TEST(ClosedNews, LeavesOthersWhatTheyWroteForAWhile) {
  ClosedNews news(limits());
  news.open(3);
  news.observe("a", 7, false, 0);
  EXPECT_EQ(next(news, 99), "");
  EXPECT_EQ(news.wake_at_ms(), 100u);
  EXPECT_EQ(next(news, 100), "a");
}

TEST(ClosedNews, SoManyAreUnderWayAndTheOthersWaitTheirTurnWithoutWakingAnybody) {
  ClosedNews news(limits());
  news.open(3);
  for (const char* key : {"a", "b", "c"}) news.observe(key, 7, true, 0);
  EXPECT_EQ(next(news, 0), "a");
  EXPECT_EQ(next(news, 0), "b");
  EXPECT_EQ(next(news, 0), "");
  EXPECT_EQ(news.wake_at_ms(), 1'000u);
  news.observe("a", 0, true, 10);
  EXPECT_EQ(next(news, 10), "c");
  // Those that were asked and never confirmed are asked again; they hold their places.
  EXPECT_EQ(next(news, 1'000), "b");
}

TEST(ClosedNews, AGatewayThatHasGoneIsNotAsked) {
  ClosedNews news(limits());
  news.open(3);
  news.open(4);
  news.close(3);
  news.observe("a", 7, true, 0);
  const auto task = news.next(0, 0.0);
  ASSERT_TRUE(task);
  EXPECT_EQ(task->stream, 4u);
}

}  // namespace
}  // namespace interlock
