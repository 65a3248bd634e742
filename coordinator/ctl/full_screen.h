// A terminal that is drawn over, and given back as it was.
#pragma once

#include <termios.h>

#include <optional>
#include <string>
#include <vector>

#include "coordinator/ctl/output.h"
#include "coordinator/ctl/top_view.h"

namespace interlock {

// SIGWINCH waits to be read instead of being ignored; like HeldSignals, made before gRPC starts
// its threads.
class HeldResizes {
 public:
  HeldResizes();
  ~HeldResizes();
  HeldResizes(const HeldResizes&) = delete;
  HeldResizes& operator=(const HeldResizes&) = delete;

  int fd() const { return fd_; }
  void take() const;  // what has come so far

 private:
  int fd_;
};

// While it lives, the terminal shows its other screen, without a cursor, and keys come one by one,
// unseen. Ctrl-C still is a signal; what would stop the process in the middle (Ctrl-Z) is not.
class FullScreen {
 public:
  // `output` must be a terminal; `input_fd` may be one.
  FullScreen(Output& output, int input_fd);
  ~FullScreen();
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;

  ScreenSize size() const;
  // False: nobody sees it any more.
  bool draw(const std::vector<std::string>& lines);
  // -1: there are no keys.
  int keys_fd() const { return before_ ? input_fd_ : -1; }
  // What was typed.
  std::string take_keys();

 private:
  Output& output_;
  int input_fd_;
  std::optional<termios> before_;
};

}  // namespace interlock
