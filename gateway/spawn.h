// Starts a coroutine that nobody waits for.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "common/log.h"
#include "gateway/event_loops.h"

namespace interlock {

// Nothing is thrown in the normal course of things, so an exception is a defect: it ends what the
// coroutine was about and is logged, and the others go on.
inline void spawn(const LoopExecutor& executor, Task<void> job) {
  boost::asio::co_spawn(executor, std::move(job), [](std::exception_ptr defect) {
    if (defect != nullptr) log_error("A connection failed by a defect of this program.");
  });
}

// For what the program cannot go on without: an exception ends the process.
inline void spawn_vital(const LoopExecutor& executor, Task<void> job) {
  boost::asio::co_spawn(executor, std::move(job), [](std::exception_ptr defect) {
    if (defect != nullptr) std::rethrow_exception(defect);
  });
}

}  // namespace interlock
