#include "gateway/turn_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace interlock {
namespace {

// Released and joined at its end, as its owners do it.
class Turns : public TurnThread {
 public:
  using TurnThread::TurnThread;
  ~Turns() {
    post([this] { release(); });
    join();
  }

  // Whoever is in a turn stays in it until the future's promise is kept.
  std::future<void> hold(std::shared_future<void> until) {
    std::promise<void> begun;
    std::future<void> held = begun.get_future();
    post_elsewhere([begun = std::move(begun), until = std::move(until)]() mutable {
      begun.set_value();
      until.wait();
    });
    return held;
  }
};

TEST(TurnThread, WhoeverPostsDoesIt) {
  Turns turns;
  std::optional<std::thread::id> by;
  turns.post([&] { by = std::this_thread::get_id(); });
  EXPECT_EQ(by, std::this_thread::get_id());
}

TEST(TurnThread, ElsewhereIsAnotherThread) {
  Turns turns;
  std::promise<std::thread::id> by;
  turns.post_elsewhere([&] { by.set_value(std::this_thread::get_id()); });
  EXPECT_NE(by.get_future().get(), std::this_thread::get_id());
}

TEST(TurnThread, NobodyWaitsForATurnThatIsTaken) {
  std::promise<void> go_on;
  std::promise<std::thread::id> by;
  std::vector<int> order;
  {
    Turns turns;
    turns.hold(go_on.get_future().share()).wait();
    turns.post([&] { order.push_back(1); });  // returns though the turn is taken
    turns.post([&] {
      order.push_back(2);
      by.set_value(std::this_thread::get_id());
    });
    turns.post_elsewhere([&] { order.push_back(3); });
    EXPECT_TRUE(order.empty());
    go_on.set_value();
    EXPECT_NE(by.get_future().get(), std::this_thread::get_id());
  }
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(TurnThread, WhatIsPostedInATurnIsDoneBehindIt) {
  std::vector<int> order;
  Turns turns;
  turns.post([&] {
    turns.post([&] { order.push_back(2); });
    order.push_back(1);
  });
  EXPECT_EQ(order, (std::vector{1, 2}));
}

// Somebody who has other things to do is not kept by an input that always posts another one.
TEST(TurnThread, TheOwnThreadGoesOnWhereItDoesNotEnd) {
  constexpr int kPosts = 1'000;
  std::promise<std::thread::id> last;
  Turns turns;
  int left = kPosts;
  std::function<void()> again = [&] {
    if (--left > 0) return turns.post([&] { again(); });
    last.set_value(std::this_thread::get_id());
  };
  turns.post([&] { again(); });
  EXPECT_NE(last.get_future().get(), std::this_thread::get_id());
}

TEST(TurnThread, TheStepIsBehindTheInputsThatWaited) {
  std::promise<void> go_on;
  std::promise<void> done;
  std::vector<int> order;
  {
    Turns turns([&] { order.push_back(0); });
    turns.post([&] { order.push_back(1); });
    EXPECT_EQ(order, (std::vector{1, 0}));
    turns.hold(go_on.get_future().share()).wait();
    turns.post([&] { order.push_back(2); });
    turns.post([&] {
      order.push_back(3);
      done.set_value();
    });
    go_on.set_value();
    done.get_future().wait();
  }
  EXPECT_EQ(order, (std::vector{1, 0, 0, 2, 3, 0, 0}));  // held: 0; the last one is the end's
}

TEST(TurnThread, OneTurnAtATimeAndEachInItsOrder) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 5'000;
  std::vector<int> seen(kThreads, 0);
  std::atomic<int> inside = 0;
  int done = 0;
  {
    Turns turns;
    std::vector<std::jthread> posters;
    for (int poster = 0; poster < kThreads; ++poster) {
      posters.emplace_back([&, poster] {
        for (int i = 1; i <= kPosts; ++i) {
          turns.post([&, poster, i] {
            EXPECT_EQ(inside.fetch_add(1), 0);
            EXPECT_EQ(std::exchange(seen[poster], i), i - 1);
            ++done;
            inside.fetch_sub(1);
          });
        }
      });
    }
  }
  EXPECT_EQ(done, kThreads * kPosts);
}

// What an input holds is gone when the thread has ended, whoever had the last turn.
TEST(TurnThread, TheEndComesBehindTheLastTurn) {
  for (int i = 0; i < 500; ++i) {
    std::weak_ptr<int> held;
    {
      auto turns = std::make_unique<TurnThread>();
      auto what = std::make_shared<int>(i);
      held = what;
      std::promise<void> begun;
      std::jthread other([&, what = std::move(what)]() mutable {
        turns->post([&, what = std::move(what)] {
          begun.set_value();
          turns->release();
        });
      });
      begun.get_future().wait();
      turns->join();
      turns.reset();
      EXPECT_TRUE(held.expired());
    }
  }
}

}  // namespace
}  // namespace interlock
