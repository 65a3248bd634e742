#include "gateway/call_deadlines.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace interlock {
namespace {

constexpr std::uint64_t kHourMs = 3'600'000;

class CallDeadlinesTest : public testing::Test {
 protected:
  ~CallDeadlinesTest() override {
    in_turn([this] {
      deadlines_.end();
      thread_.release();
    });
    thread_.join();
  }

  // Returns when it is done, in a turn of whoever has it.
  template <class What>
  void in_turn(What what) {
    std::promise<void> done;
    thread_.post([&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }

  TurnThread thread_;
  CallDeadlines deadlines_{thread_};
};

TEST_F(CallDeadlinesTest, WhatIsDueIsCalledOnceAndInOrder) {
  std::promise<void> last;
  std::vector<int> called;
  in_turn([&] {
    deadlines_.set(60, [&] {
      called.push_back(3);
      last.set_value();
    });
    deadlines_.set(30, [&] { called.push_back(2); });
    deadlines_.set(0, [&] { called.push_back(1); });
    deadlines_.set(kHourMs, [&] { called.push_back(4); });
  });
  last.get_future().wait();
  in_turn([&] { EXPECT_EQ(called, (std::vector{1, 2, 3})); });
}

TEST_F(CallDeadlinesTest, WhatIsCancelledIsNotCalledAndHoldsNothing) {
  std::promise<void> last;
  bool called = false;
  auto held = std::make_shared<int>(1);
  in_turn([&] {
    const auto handle = deadlines_.set(10, [&called, held] { called = true; });
    deadlines_.set(20, [&] { last.set_value(); });
    EXPECT_EQ(held.use_count(), 2);
    deadlines_.cancel(handle);
    EXPECT_EQ(held.use_count(), 1);
    deadlines_.cancel(handle);
  });
  last.get_future().wait();
  in_turn([&] { EXPECT_FALSE(called); });
}

TEST_F(CallDeadlinesTest, WhatIsDueMaySetAndCancelOthers) {
  std::promise<void> last;
  bool called = false;
  in_turn([&] {
    const auto other = deadlines_.set(2, [&] { called = true; });
    auto own = std::make_shared<CallDeadlines::Handle>();
    *own = deadlines_.set(0, [this, &last, other, own] {
      deadlines_.cancel(*own);
      deadlines_.cancel(other);
      deadlines_.set(1, [&] { last.set_value(); });
    });
  });
  last.get_future().wait();
  in_turn([&] { EXPECT_FALSE(called); });
}

// An earlier one than all others is not kept waiting by them.
TEST_F(CallDeadlinesTest, TheEarliestCounts) {
  std::promise<void> called;
  in_turn([&] { deadlines_.set(kHourMs, [] {}); });
  in_turn([&] { deadlines_.set(1, [&] { called.set_value(); }); });
  called.get_future().wait();
}

// The destructor of the fixture would wait for an hour.
TEST_F(CallDeadlinesTest, NothingIsCalledBehindTheEnd) {
  in_turn([&] { deadlines_.set(kHourMs, [] { ADD_FAILURE(); }); });
}

}  // namespace
}  // namespace interlock
