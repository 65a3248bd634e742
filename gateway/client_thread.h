// One thread that owns everything of one client; all others only post to it.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <thread>
#include <utility>

namespace interlock {

using ClientLoop = boost::asio::io_context;

// It is never stopped: it ends when its owner has released it and what was posted has run. The
// owner does so when nothing is under way any more that would still post.
class ClientThread {
 public:
  ClientThread()
      : loop_(std::make_shared<ClientLoop>(1)),
        work_(boost::asio::make_work_guard(*loop_)),
        thread_([loop = loop_.get()] { loop->run(); }) {}
  ClientThread(const ClientThread&) = delete;
  ClientThread& operator=(const ClientThread&) = delete;

  // From any thread. Posting still touches the loop when the function may have run and ended the
  // client, so the loop is kept alive meanwhile.
  template <typename Function>
  void post(Function&& function) {
    const std::shared_ptr<ClientLoop> kept = loop_;
    boost::asio::post(*kept, std::forward<Function>(function));
  }

  void release() { work_.reset(); }  // on this thread
  void join() { thread_.join(); }    // from another one

  ClientLoop& loop() { return *loop_; }

 private:
  std::shared_ptr<ClientLoop> loop_;
  boost::asio::executor_work_guard<ClientLoop::executor_type> work_;
  std::thread thread_;
};

}  // namespace interlock
