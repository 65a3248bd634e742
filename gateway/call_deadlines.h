// The moments at which the calls of one client have something to do by themselves.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "gateway/turn_thread.h"

namespace interlock {

// One timer for all of them, since most are cancelled long before they are due: setting and
// cancelling is a matter of this map, and the thread with the timer is woken for neither, unless
// nothing else was due as soon. Used in a turn of `thread`, which outlives it.
class CallDeadlines {
 public:
  using Handle = std::pair<std::uint64_t, std::uint64_t>;  // when, by boot_clock.h; which

  explicit CallDeadlines(TurnThread& thread) : thread_(thread), timer_(thread.loop()) {}
  CallDeadlines(const CallDeadlines&) = delete;
  CallDeadlines& operator=(const CallDeadlines&) = delete;

  // `what` is called once, in a turn, when the time has come.
  Handle set(std::uint64_t after_ms, std::function<void()> what);
  // Whatever has become of it. Lets go of what it held.
  void cancel(const Handle& handle) { waiting_.erase(handle); }
  // Nothing is called any more, and nothing keeps the thread.
  void end();

 private:
  void wait_until(std::uint64_t at_ms);
  void look();

  TurnThread& thread_;
  std::map<Handle, std::function<void()>> waiting_;
  std::uint64_t last_ = 0;
  std::optional<std::uint64_t> timer_at_ms_;
  boost::asio::steady_timer timer_;
};

}  // namespace interlock
