#include "coordinator/store/thread_scheduler.h"

#include <utility>

namespace interlock {

ThreadScheduler::ThreadScheduler() : thread_([this] { run(); }) {}

ThreadScheduler::~ThreadScheduler() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void ThreadScheduler::run_later(std::uint64_t delay_ms, std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    items_.push({Clock::now() + std::chrono::milliseconds(delay_ms), given_++, std::move(work)});
  }
  changed_.notify_one();
}

void ThreadScheduler::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (items_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const Clock::time_point due = items_.top().due;
    if (Clock::now() < due) {
      changed_.wait_until(lock, due);
      continue;
    }
    // A priority queue hands out constant references; the work is taken out just before its place
    // in the queue goes.
    std::function<void()> work = std::move(const_cast<Item&>(items_.top()).work);
    items_.pop();
    lock.unlock();
    work();
    work = nullptr;  // what it holds is let go outside of the lock
    lock.lock();
  }
}

}  // namespace interlock
