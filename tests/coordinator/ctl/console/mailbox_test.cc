#include "coordinator/ctl/console/mailbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

namespace interlock {
namespace {

TEST(ConsoleMailbox, WhatWaitsIsTakenTogetherInItsOrder) {
  int news = 0;
  Mailbox mailbox([&news] { ++news; });
  const std::stop_token never;
  EXPECT_EQ(mailbox.take(), "");
  EXPECT_TRUE(mailbox.put("1", never));
  EXPECT_TRUE(mailbox.put("2", never));
  EXPECT_EQ(news, 1) << "one call is enough until it has been emptied";
  EXPECT_EQ(mailbox.take(), "[1,2]");
  EXPECT_EQ(mailbox.take(), "");
  EXPECT_TRUE(mailbox.put("3", never));
  EXPECT_EQ(news, 2);
}

TEST(ConsoleMailbox, AFrameStaysNearItsSize) {
  Mailbox mailbox([] {});
  const std::string value(frame_bytes_max / 2 + 1, '7');
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(mailbox.put(value, {}));
  EXPECT_EQ(mailbox.take().size(), 2 * value.size() + 3);
  EXPECT_EQ(mailbox.take().size(), value.size() + 2);
}

// Puts until it is told to stop, and counts.
struct Writer {
  explicit Writer(Mailbox& mailbox)
      : thread([this, &mailbox](const std::stop_token& stop) {
          const std::string value(frame_bytes_max, '1');
          while (mailbox.put(value, stop)) ++put;
          ended = true;
        }) {}

  std::atomic<int> put = 0;
  std::atomic<bool> ended = false;
  std::jthread thread;
};

TEST(ConsoleMailbox, AFullOneMakesItsWriterWaitUntilSomethingIsTaken) {
  constexpr int most = static_cast<int>(mailbox_bytes_max / frame_bytes_max);
  Mailbox mailbox([] {});
  Writer writer(mailbox);
  while (writer.put < most) std::this_thread::yield();
  const int before = writer.put;
  EXPECT_LE(before, most + 1);
  EXPECT_FALSE(mailbox.take().empty());
  while (writer.put == before) std::this_thread::yield();
  EXPECT_LE(writer.put, most + 2);
}

TEST(ConsoleMailbox, AWriterThatWaitsEndsWhenItIsAskedTo) {
  constexpr int most = static_cast<int>(mailbox_bytes_max / frame_bytes_max);
  Mailbox mailbox([] {});
  Writer writer(mailbox);
  while (writer.put < most) std::this_thread::yield();
  writer.thread.request_stop();
  writer.thread.join();
  EXPECT_TRUE(writer.ended);
}

}  // namespace
}  // namespace interlock
