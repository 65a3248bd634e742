// One thread that owns everything of one store over etcd; all others only post to it.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

namespace interlock::etcd {

// It is never stopped: it ends when its owner has released it and nothing is under way any more.
class Loop {
 public:
  using Context = boost::asio::io_context;
  using Work = boost::asio::executor_work_guard<Context::executor_type>;

  Loop()
      : context_(std::make_shared<Context>(1)),
        work_(boost::asio::make_work_guard(*context_)),
        thread_([context = context_.get()] { context->run(); }) {}
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Keeps the loop running, and lets its holder post to it, until it is given up: for what answers
  // on another thread.
  class Hold {
   public:
    explicit Hold(std::shared_ptr<Context> context)
        : context_(std::move(context)), work_(boost::asio::make_work_guard(*context_)) {}
    // The last use: posting still touches the context when the function may have run and ended the
    // store, so the context is kept alive meanwhile.
    template <typename Function>
    void post_last(Function&& function) {
      const std::shared_ptr<Context> kept = context_;
      boost::asio::post(*kept, std::forward<Function>(function));
      work_.reset();
    }
    template <typename Function>
    void post(Function&& function) {
      const std::shared_ptr<Context> kept = context_;
      boost::asio::post(*kept, std::forward<Function>(function));
    }

   private:
    std::shared_ptr<Context> context_;
    Work work_;
  };
  Hold hold() { return Hold(context_); }

  // From any thread.
  template <typename Function>
  void post(Function&& function) {
    boost::asio::post(*context_, std::forward<Function>(function));
  }

  void release() { work_.reset(); }  // on this thread
  void join() { thread_.join(); }  // from another one
  Context& context() { return *context_; }

 private:
  std::shared_ptr<Context> context_;
  Work work_;
  std::thread thread_;
};

// Runs a function on the loop when its time has come, unless it is set anew or cancelled before.
class Timer {
 public:
  explicit Timer(Loop& loop) : timer_(loop.context()) {}

  void set(std::chrono::milliseconds delay, std::function<void()> run) {
    timer_.expires_after(delay);
    timer_.async_wait(
        [run = std::move(run), number = ++number_, this](boost::system::error_code e) {
          if (!e && number == number_) run();
        });
  }
  void cancel() {
    ++number_;
    timer_.cancel();
  }

 private:
  boost::asio::steady_timer timer_;
  unsigned number_ = 0;
};

}  // namespace interlock::etcd
