#include "coordinator/ctl/top_sampler.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <utility>

#include "coordinator/ctl/text.h"

namespace interlock {

std::variant<TopSample, Failure> take_sample(AdminClient& client) {
  TopSample sample;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  sample.steady_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  sample.unix_ms = now_unix_ms();
  sample.coordinator = to_string(client.coordinator());
  if (Outcome outcome = client.stats(sample.stats)) return *std::move(outcome);
  if (Outcome outcome = client.gateways(sample.gateways)) return *std::move(outcome);
  return sample;
}

TopSampler::TopSampler(AdminClient client, std::stop_source stop)
    : client_(std::move(client)),
      stop_(std::move(stop)),
      answered_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

TopSampler::~TopSampler() {
  stop_.request_stop();
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  asked_changed_.notify_one();
  thread_.join();
  close(answered_fd_);
}

void TopSampler::ask() {
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  asked_changed_.notify_one();
}

std::optional<std::variant<TopSample, Failure>> TopSampler::take() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(answered_fd_, &count, sizeof count);
  const std::lock_guard lock(mutex_);
  return std::exchange(answer_, std::nullopt);
}

void TopSampler::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    asked_changed_.wait(lock, [this] { return asked_ || over_; });
    if (over_) return;
    lock.unlock();
    auto answer = take_sample(client_);
    lock.lock();
    asked_ = false;
    answer_ = std::move(answer);
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(answered_fd_, &one, sizeof one);
  }
}

}  // namespace interlock
