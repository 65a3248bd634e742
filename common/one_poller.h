// gRPC's threads, held to as many as there is work for.
#pragma once

#include <grpcpp/channel.h>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace interlock {

// Callbacks of gRPC 1.51 run on half as many threads as there are processors, but on two at least.
// These take turns: whoever takes an event from the kernel first wakes another one to wait in its
// place, so that every message costs a second thread's waking and sleeping. Below four processors
// one of the two threads is kept from taking part while this lives.
//
// Each of these threads also sleeps for 100 ms when it has had nothing to do for a second, without
// a look at what comes in meanwhile. With this one has something to do twice a second.
//
// (src/cpp/common/completion_queue_cc.cc and src/core/lib/iomgr/ev_epoll1_linux.cc of gRPC)
//
// Made before the first channel and server of the process, and outlives them. What blocks in a
// callback blocks them all.
class OnePoller {
 public:
  OnePoller();
  ~OnePoller();
  OnePoller(const OnePoller&) = delete;
  OnePoller& operator=(const OnePoller&) = delete;

 private:
  using Work = std::function<void(std::unique_lock<std::mutex>&)>;  // given `mutex_`

  void on_grpc_thread(Work work);
  void keep_awake();

  std::shared_ptr<grpc::Channel> nowhere_;  // whose calls fail at once, on one of those threads
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t calls_ = 0;  // unanswered
  bool ending_ = false;
  std::thread clock_;
};

}  // namespace interlock
