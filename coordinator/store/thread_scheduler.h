// One thread that runs what it was given when its time has come.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <queue>
#include <thread>
#include <vector>

namespace interlock {

// For a memory store outside the simulator. Work of the same moment runs in the order in which it
// was given. Work whose time has not come when the destructor runs is dropped.
class ThreadScheduler {
 public:
  ThreadScheduler();
  ~ThreadScheduler();
  ThreadScheduler(const ThreadScheduler&) = delete;
  ThreadScheduler& operator=(const ThreadScheduler&) = delete;

  // From any thread; never runs `work` inside this call.
  void run_later(std::uint64_t delay_ms, std::function<void()> work);

 private:
  using Clock = std::chrono::steady_clock;
  struct Item {
    Clock::time_point due;
    std::uint64_t number = 0;
    std::function<void()> work;
    bool operator<(const Item& other) const {  // a priority queue shows the greatest
      return due != other.due ? due > other.due : number > other.number;
    }
  };

  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::priority_queue<Item> items_;
  std::uint64_t given_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace interlock
