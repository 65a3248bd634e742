// How a verb that would run for ever is told to stop: Ctrl-C, or a reader who has gone away.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace interlock {

// While it lives, SIGINT, SIGTERM and SIGHUP wait to be read instead of ending the process. Threads
// inherit this from the thread that starts them, so it must be made before gRPC starts its own.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  int fd() const { return fd_; }  // readable once a signal has come

 private:
  int fd_;
};

// Calls `stop` once, on a thread of its own, when a signal came or nobody reads `output_fd` any
// more. The latter is noticed although nothing is being written.
class Interruption {
 public:
  Interruption(const HeldSignals& signals, int output_fd, std::function<void()> stop);
  // After it `stop` is not called any more.
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  bool happened() const { return happened_; }

 private:
  void wait(int signals_fd, int output_fd);

  std::function<void()> stop_;
  std::atomic<bool> happened_ = false;
  int end_fd_;
  std::thread thread_;
};

}  // namespace interlock
