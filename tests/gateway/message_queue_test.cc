#include "gateway/message_queue.h"

#include <gtest/gtest.h>

namespace interlock {
namespace {

constexpr MessageQueue::Room room{3, 20};

TEST(MessageQueue, GivesOutOneAtATimeInOrder) {
  MessageQueue queue;
  EXPECT_FALSE(queue.send_next());
  EXPECT_TRUE(queue.add({"a", "1"}, room));
  EXPECT_TRUE(queue.add({"b", "2"}, room));
  const auto first = queue.send_next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, "a");
  EXPECT_EQ(first->data, "1");
  EXPECT_FALSE(queue.send_next());
  EXPECT_EQ(queue.drop_first(), "a");
  EXPECT_EQ(queue.send_next()->id, "b");
}

TEST(MessageQueue, KnowsWhichOneIsWithTheBackend) {
  MessageQueue queue;
  EXPECT_FALSE(queue.with_backend("a"));
  queue.add({"a", "1"}, room);
  EXPECT_FALSE(queue.with_backend("a"));
  queue.send_next();
  EXPECT_TRUE(queue.with_backend("a"));
  EXPECT_FALSE(queue.with_backend("b"));
  queue.drop_first();
  EXPECT_FALSE(queue.with_backend("a"));
}

TEST(MessageQueue, ContainsWhatWaitsAndWhatIsWithTheBackend) {
  MessageQueue queue;
  queue.add({"a", "1"}, room);
  queue.add({"b", "2"}, room);
  queue.send_next();
  EXPECT_TRUE(queue.contains("a"));
  EXPECT_TRUE(queue.contains("b"));
  queue.drop_first();
  EXPECT_FALSE(queue.contains("a"));
}

TEST(MessageQueue, RefusesMoreThanThereIsRoomForAndLeavesItUntouched) {
  MessageQueue queue;
  MessageQueue::Message big{"b", std::string(20, 'x')};
  EXPECT_FALSE(queue.add(std::move(big), room));
  EXPECT_EQ(big.data.size(), 20U);  // NOLINT(bugprone-use-after-move): it says so
  for (const char* id : {"1", "2", "3"}) EXPECT_TRUE(queue.add({id, "x"}, room));
  EXPECT_FALSE(queue.add({"4", "x"}, room));
}

TEST(MessageQueue, WhatIsWithTheBackendStillTakesItsRoom) {
  MessageQueue queue;
  EXPECT_TRUE(queue.add({"a", std::string(15, 'x')}, room));
  queue.send_next();
  EXPECT_FALSE(queue.add({"b", std::string(15, 'x')}, room));
  queue.drop_first();
  EXPECT_TRUE(queue.add({"b", std::string(15, 'x')}, room));
}

}  // namespace
}  // namespace interlock
