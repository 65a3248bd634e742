#include "coordinator/ctl/interruption.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

namespace interlock {
namespace {

sigset_t stopping_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

HeldSignals::HeldSignals() {
  const sigset_t set = stopping_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  assert(fd_ >= 0);
}

HeldSignals::~HeldSignals() {
  // What came meanwhile has done its work; unblocked, it would end the process after all.
  signalfd_siginfo signal{};
  while (read(fd_, &signal, sizeof signal) > 0) {
  }
  close(fd_);
  const sigset_t set = stopping_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

Interruption::Interruption(const HeldSignals& signals, int output_fd, std::function<void()> stop)
    : stop_(std::move(stop)),
      end_fd_(eventfd(0, EFD_CLOEXEC)),
      thread_([this, fd = signals.fd(), output_fd] { wait(fd, output_fd); }) {}

Interruption::~Interruption() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(end_fd_, &one, sizeof one);
  thread_.join();
  close(end_fd_);
}

void Interruption::wait(int signals_fd, int output_fd) {
  // Without events asked for, a pipe still reports POLLERR when its reader closes it, and a
  // terminal POLLHUP when it goes away (poll(2)).
  pollfd watched[] = {{.fd = signals_fd, .events = POLLIN, .revents = 0},
                      {.fd = output_fd, .events = 0, .revents = 0},
                      {.fd = end_fd_, .events = POLLIN, .revents = 0}};
  while (poll(watched, std::size(watched), -1) < 0) {
    if (errno != EINTR) return;
  }
  if (watched[2].revents != 0) return;
  happened_ = true;
  stop_();
}

}  // namespace interlock
