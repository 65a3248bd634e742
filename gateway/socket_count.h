// How many client sockets are open.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "gateway/gateway_metrics.h"

namespace interlock {

// Counted on the event loops, waited for by whoever drains.
class SocketCount {
 public:
  std::size_t now() const { return count_.load(); }

  void opened() { count_.fetch_add(1); }
  void closed() {
    if (count_.fetch_sub(1) > 1) return;
    const std::lock_guard<std::mutex> lock(mutex_);  // so that a waiter cannot miss it
    none_left_.notify_all();
  }

  // False when some were still open at the deadline.
  bool wait_for_none(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock<std::mutex> lock(mutex_);
    return none_left_.wait_until(lock, deadline, [this] { return count_.load() == 0; });
  }

 private:
  std::atomic<std::size_t> count_ = 0;
  std::mutex mutex_;
  std::condition_variable none_left_;
};

// Held by a socket for as long as its file descriptor is open.
class SocketTicket {
 public:
  SocketTicket(std::shared_ptr<SocketCount> count, GatewayMetrics& metrics)
      : count_(std::move(count)), metrics_(metrics) {
    count_->opened();
    metrics_.sockets.Increment();
  }
  ~SocketTicket() {
    metrics_.sockets.Decrement();
    count_->closed();
  }
  SocketTicket(const SocketTicket&) = delete;
  SocketTicket& operator=(const SocketTicket&) = delete;

 private:
  std::shared_ptr<SocketCount> count_;
  GatewayMetrics& metrics_;
};

}  // namespace interlock
