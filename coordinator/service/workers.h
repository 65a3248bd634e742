// The threads on which answers are encoded, so that the engine's thread never does.
#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <utility>

namespace interlock {

class Workers {
 public:
  explicit Workers(std::size_t threads) : pool_(threads) {}
  // Work that is queued is done before this returns.
  ~Workers() { pool_.join(); }

  template <class Work>
  void post(Work work) {
    boost::asio::post(pool_, std::move(work));
  }

 private:
  boost::asio::thread_pool pool_;
};

}  // namespace interlock
