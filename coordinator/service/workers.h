// The threads on which answers are encoded, so that no step of the engine waits for it.
#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <utility>

#include "coordinator/engine/after_step.h"

namespace interlock {

class Workers {
 public:
  explicit Workers(std::size_t threads) : pool_(threads) {}
  // Work that is queued is done before this returns.
  ~Workers() { pool_.join(); }

  // From a callback of the engine: behind its step, and perhaps on its thread.
  template <class Work>
  void post(Work work) {
    const bool left = AfterStep::leave([this, work](bool here) mutable {
      if (here) return work();
      boost::asio::post(pool_, std::move(work));
    });
    if (!left) boost::asio::post(pool_, std::move(work));
  }

 private:
  boost::asio::thread_pool pool_;
};

}  // namespace interlock
