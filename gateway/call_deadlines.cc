#include "gateway/call_deadlines.h"

#include <chrono>

#include "gateway/boot_clock.h"

namespace interlock {

CallDeadlines::Handle CallDeadlines::set(std::uint64_t after_ms, std::function<void()> what) {
  const Handle handle{boot_time_ms() + after_ms, ++last_};
  waiting_.emplace(handle, std::move(what));
  if (!timer_at_ms_ || handle.first < *timer_at_ms_) wait_until(handle.first);
  return handle;
}

void CallDeadlines::end() {
  waiting_.clear();
  timer_.cancel();
}

void CallDeadlines::wait_until(std::uint64_t at_ms) {
  const std::uint64_t now_ms = boot_time_ms();
  timer_at_ms_ = at_ms;
  timer_.expires_after(std::chrono::milliseconds(at_ms > now_ms ? at_ms - now_ms : 0));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) thread_.post([this] { look(); });
  });
}

void CallDeadlines::look() {
  timer_at_ms_.reset();
  while (!waiting_.empty() && waiting_.begin()->first.first <= boot_time_ms()) {
    const auto due = waiting_.extract(waiting_.begin());
    due.mapped()();
  }
  if (!waiting_.empty() && !timer_at_ms_) wait_until(waiting_.begin()->first.first);
}

}  // namespace interlock
