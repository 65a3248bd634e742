// interlockctl, run as a shell would run it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace interlock {

struct Finished {
  int exit_code = -1;  // -1: ended by a signal
  std::string out;
  std::string err;
};

// After 30 s whoever waits for it gives up: the program is killed and the test fails.
class Program {
 public:
  // The environment is this process's own without INTERLOCK_* and NO_COLOR, in UTC and UTF-8, and
  // with `variables` in place of what it says. An empty value removes a variable. `terminal`: its
  // output and its input are a terminal, and what it writes there is read like a pipe.
  explicit Program(std::vector<std::string> arguments,
                   const std::map<std::string, std::string>& variables = {}, bool terminal = false);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // The next line of its output, without the newline; empty at the end.
  std::string read_line();
  // Reads until this has been written; what came up to its end. Empty: it ended before.
  std::string read_until(const std::string& text);
  // On the terminal.
  void type(const std::string& keys) const;
  // As when its window is drawn to another size.
  void resize(int columns, int rows) const;
  // Whether it neither writes nor ends within the time.
  bool stays_silent(int milliseconds) const;
  // Nobody reads its output any more.
  void close_output();
  void send_signal(int signal) const;
  // What is left of its output, and how it ended.
  Finished finish();

 private:
  bool read_more(int fd, std::string& into);

  std::chrono::steady_clock::time_point deadline_;
  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::string buffered_;
};

// Where the build put it.
std::string interlockctl_path();

}  // namespace interlock
