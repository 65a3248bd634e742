#include "gateway/turn_thread.h"

#include <utility>

namespace interlock {
namespace {

constexpr int kTurnsMax = 4;  // at a time, for somebody who has other things to do

}  // namespace

TurnThread::TurnThread(std::function<void()> step) : step_(std::move(step)) {}

void TurnThread::post(Input input) {
  std::unique_lock lock(turns_->mutex);
  turns_->waiting.push_back(std::move(input));
  if (!std::exchange(turns_->taken, true)) take_turn(std::move(lock));
}

void TurnThread::post_elsewhere(Input input) {
  const std::unique_lock lock(turns_->mutex);
  turns_->waiting.push_back(std::move(input));
  if (!std::exchange(turns_->taken, true)) take_turn_elsewhere();
}

void TurnThread::release() {
  const std::unique_lock lock(turns_->mutex);
  turns_->released = true;
}

void TurnThread::take_turn_elsewhere() {
  thread_.post([this] { take_turn(std::unique_lock(turns_->mutex)); });
}

void TurnThread::take_turn(std::unique_lock<std::mutex> given) {
  const std::shared_ptr<Turns> turns = turns_;
  std::unique_lock lock = std::move(given);  // let go before them
  for (int turn = 0; turn < kTurnsMax && !turns->waiting.empty(); ++turn) {
    std::vector<Input> inputs = std::exchange(turns->waiting, {});
    lock.unlock();
    for (Input& input : inputs) input();
    if (step_) step_();
    inputs.clear();
    lock.lock();
  }
  turns->taken = !turns->waiting.empty();
  if (turns->taken) {
    take_turn_elsewhere();
  } else if (std::exchange(turns->released, false)) {
    thread_.post([this] { thread_.release(); });
  }
}

}  // namespace interlock
