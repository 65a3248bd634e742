#include "coordinator/store/thread_scheduler.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace interlock {
namespace {

TEST(ThreadScheduler, RunsWorkInTheOrderOfItsTime) {
  std::vector<int> order;
  std::promise<void> done;
  const auto begin = std::chrono::steady_clock::now();
  ThreadScheduler scheduler;
  scheduler.run_later(0, [&] {  // on its thread, so that all three wait before one is run
    scheduler.run_later(40, [&] { order.push_back(3), done.set_value(); });
    scheduler.run_later(20, [&] { order.push_back(2); });
    scheduler.run_later(0, [&] { order.push_back(1); });
  });
  done.get_future().wait();
  EXPECT_THAT(order, testing::ElementsAre(1, 2, 3));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(40));
}

TEST(ThreadScheduler, RunsWorkOfTheSameMomentInTheOrderItWasGiven) {
  std::vector<int> order;
  std::promise<void> done;
  ThreadScheduler scheduler;
  for (int i = 0; i < 1000; ++i) scheduler.run_later(0, [&order, i] { order.push_back(i); });
  scheduler.run_later(0, [&] { done.set_value(); });
  done.get_future().wait();
  ASSERT_EQ(order.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(ThreadScheduler, DropsWhatIsNotDueWhenItGoes) {
  std::atomic<bool> ran = false;
  const auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = held;
  {
    ThreadScheduler scheduler;
    scheduler.run_later(3'600'000, [&ran, held = std::shared_ptr<int>(held)] { ran = true; });
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(held.use_count(), 1) << "what the work held was let go";
}

}  // namespace
}  // namespace interlock
