#include "coordinator/service/standing_calls.h"

#include <vector>

namespace interlock {

StandingCalls::StandingCalls(std::chrono::milliseconds interval)
    : interval_(interval), thread_([this] { run(); }) {}

StandingCalls::~StandingCalls() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  news_.notify_one();
  thread_.join();
}

StandingCalls::Place StandingCalls::add(Call call) {
  const std::lock_guard lock(mutex_);
  calls_.emplace(++last_, std::move(call));
  return {*this, last_};
}

void StandingCalls::Place::leave() {
  StandingCalls* calls = std::exchange(calls_, nullptr);
  if (calls == nullptr) return;
  const std::lock_guard lock(calls->mutex_);
  calls->calls_.erase(number_);
}

void StandingCalls::run() {
  std::unique_lock lock(mutex_);
  while (!news_.wait_for(lock, interval_, [this] { return stopping_; })) ask_all(lock);
}

// Ending a call may end its Place, so it is done without the lock.
void StandingCalls::ask_all(std::unique_lock<std::mutex>& lock) {
  std::vector<std::pair<std::function<void(grpc::Status)>, grpc::Status>> over;
  for (const auto& [number, call] : calls_) {
    grpc::Status allowed = call.still_allowed();
    if (allowed.ok() || allowed.error_code() == grpc::StatusCode::UNAVAILABLE) continue;
    over.emplace_back(call.end, std::move(allowed));
  }
  lock.unlock();
  for (auto& [end, why] : over) end(std::move(why));
  over.clear();
  lock.lock();
}

}  // namespace interlock
