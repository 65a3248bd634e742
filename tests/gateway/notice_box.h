// Where a test waits for what another thread brings.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace interlock {

template <typename Item>
class Box {
 public:
  void put(Item item) {
    const std::lock_guard<std::mutex> lock(mutex_);
    items_.push_back(std::move(item));
    changed_.notify_all();
  }
  std::function<void(Item)> putter() {
    return [this](Item item) { put(std::move(item)); };
  }
  std::vector<Item> items() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return items_;
  }
  // Whether so many have come within 10 s.
  bool wait_for(std::size_t count) const {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10),
                             [&] { return items_.size() >= count; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Item> items_;
};

// Whether it becomes true within 10 s; for what nobody announces.
inline bool eventually(const std::function<bool()>& condition) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock<std::mutex> lock(mutex);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    never.wait_for(lock, std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace interlock
