// The threads that carry the sessions: one event loop each, and a session never leaves its own.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace interlock {

// Concrete types all the way: a polymorphic executor would cost an allocation per operation, and
// with one thread per loop there is nothing for a strand to do.
using LoopExecutor = boost::asio::io_context::executor_type;
using TcpSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, LoopExecutor>;
using LoopTimer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, LoopExecutor>;

template <typename T>
using Task = boost::asio::awaitable<T, LoopExecutor>;
inline constexpr boost::asio::use_awaitable_t<LoopExecutor> use_task;

// Outlives everything that posts to a loop. What is still queued when it ends is dropped.
class EventLoops {
 public:
  explicit EventLoops(std::size_t count);
  ~EventLoops();  // stop()
  EventLoops(const EventLoops&) = delete;
  EventLoops& operator=(const EventLoops&) = delete;

  void start();
  // Returns when the threads have ended; what was running is finished first, nothing else is.
  void stop();

  std::size_t size() const { return loops_.size(); }
  boost::asio::io_context& loop(std::size_t index) { return *loops_[index]; }

 private:
  using WorkGuard = boost::asio::executor_work_guard<LoopExecutor>;

  std::vector<std::unique_ptr<boost::asio::io_context>> loops_;
  std::vector<WorkGuard> guards_;
  std::vector<std::thread> threads_;
};

}  // namespace interlock
