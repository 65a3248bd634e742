#include "coordinator/ctl/full_screen.h"

#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <csignal>

namespace interlock {
namespace {

// Of xterm, and understood by everything that calls itself one: the alternate screen (1049) and
// the cursor (25).
constexpr std::string_view enter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view leave = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view home = "\x1b[H";
constexpr std::string_view to_end_of_line = "\x1b[K";
constexpr std::string_view to_end_of_screen = "\x1b[J";

sigset_t resize_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGWINCH);
  return set;
}

}  // namespace

HeldResizes::HeldResizes() {
  const sigset_t set = resize_signal();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  assert(fd_ >= 0);
}

HeldResizes::~HeldResizes() {
  close(fd_);
  const sigset_t set = resize_signal();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void HeldResizes::take() const {
  signalfd_siginfo signal{};
  while (read(fd_, &signal, sizeof signal) > 0) {
  }
}

FullScreen::FullScreen(Output& output, int input_fd) : output_(output), input_fd_(input_fd) {
  termios now{};
  if (isatty(input_fd) != 0 && tcgetattr(input_fd, &now) == 0) {
    before_ = now;
    now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    now.c_cc[VMIN] = 0;
    now.c_cc[VTIME] = 0;
    now.c_cc[VSUSP] = _POSIX_VDISABLE;
    now.c_cc[VQUIT] = _POSIX_VDISABLE;
    tcsetattr(input_fd, TCSAFLUSH, &now);
  }
  output_.print(enter);
}

FullScreen::~FullScreen() {
  output_.print(leave);
  if (before_) tcsetattr(input_fd_, TCSAFLUSH, &*before_);
}

ScreenSize FullScreen::size() const {
  winsize window{};
  if (ioctl(output_.results_fd(), TIOCGWINSZ, &window) != 0 || window.ws_col == 0 ||
      window.ws_row == 0) {
    return {};
  }
  return {.columns = window.ws_col, .rows = window.ws_row};
}

bool FullScreen::draw(const std::vector<std::string>& lines) {
  std::string text(home);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) text += "\r\n";
    text += lines[i];
    text += to_end_of_line;
  }
  text += to_end_of_screen;
  return output_.print(text);
}

std::string FullScreen::take_keys() {
  std::array<char, 64> keys{};
  const ssize_t got = read(input_fd_, keys.data(), keys.size());
  return got > 0 ? std::string(keys.data(), static_cast<std::size_t>(got)) : "";
}

}  // namespace interlock
