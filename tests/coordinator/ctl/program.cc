#include "program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <utility>

namespace interlock {
namespace {

constexpr auto patience = std::chrono::seconds(30);

std::vector<std::string> make_environment(const std::map<std::string, std::string>& variables) {
  std::map<std::string, std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (text.starts_with("INTERLOCK_") || text.starts_with("NO_COLOR")) continue;
    result[text.substr(0, equals)] = text.substr(equals + 1);
  }
  result["TZ"] = "UTC";
  result["LC_ALL"] = "C.UTF-8";
  result["TERM"] = "xterm";
  for (const auto& [name, value] : variables) result[name] = value;
  std::vector<std::string> texts;
  for (const auto& [name, value] : result) {
    if (!value.empty()) texts.push_back(name + "=" + value);
  }
  return texts;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// {ours, the program's}
std::pair<int, int> make_output(bool terminal) {
  int ends[2] = {-1, -1};
  const bool made =
      terminal ? openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr) == 0 : pipe(ends) == 0;
  EXPECT_TRUE(made);
  for (const int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
  return {ends[0], ends[1]};
}

}  // namespace

Program::Program(std::vector<std::string> arguments,
                 const std::map<std::string, std::string>& variables, bool terminal)
    : deadline_(std::chrono::steady_clock::now() + patience) {
  const auto [out_read, out_write] = make_output(terminal);
  const auto [err_read, err_write] = make_output(false);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (terminal) {
    posix_spawn_file_actions_adddup2(&actions, out_write, STDIN_FILENO);
  } else {
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  posix_spawn_file_actions_adddup2(&actions, out_write, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err_write, STDERR_FILENO);

  std::vector<std::string> environment = make_environment(variables);
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> envp = pointers_to(environment);
  const int failed = posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data());
  if (failed != 0) pid_ = -1;
  EXPECT_EQ(failed, 0) << "cannot start " << argv[0] << "; is INTERLOCK_BIN_DIR set?";
  posix_spawn_file_actions_destroy(&actions);
  close(out_write);
  close(err_write);
  out_ = out_read;
  err_ = err_read;
}

Program::~Program() {
  close_output();
  close(err_);
  if (pid_ <= 0) return;
  send_signal(SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::string Program::read_line() {
  while (buffered_.find('\n') == std::string::npos) {
    if (!read_more(out_, buffered_)) return "";
  }
  const std::size_t end = buffered_.find('\n');
  const std::string line = buffered_.substr(0, end);
  buffered_.erase(0, end + 1);
  return line;
}

std::string Program::read_until(const std::string& text) {
  while (buffered_.find(text) == std::string::npos) {
    if (!read_more(out_, buffered_)) return "";
  }
  const std::size_t end = buffered_.find(text) + text.size();
  std::string read = buffered_.substr(0, end);
  buffered_.erase(0, end);
  return read;
}

void Program::type(const std::string& keys) const {
  EXPECT_EQ(write(out_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

void Program::resize(int columns, int rows) const {
  winsize window{};
  window.ws_col = static_cast<unsigned short>(columns);
  window.ws_row = static_cast<unsigned short>(rows);
  EXPECT_EQ(ioctl(out_, TIOCSWINSZ, &window), 0);
  send_signal(SIGWINCH);  // it is nobody's controlling terminal, so the kernel tells nobody
}

bool Program::stays_silent(int milliseconds) const {
  pollfd watched[] = {{.fd = out_, .events = POLLIN, .revents = 0},
                      {.fd = err_, .events = POLLIN, .revents = 0}};
  return poll(watched, std::size(watched), milliseconds) == 0;
}

void Program::close_output() {
  if (out_ >= 0) close(out_);
  out_ = -1;
}

// Of a program that did not start there is none, and -1 would be every process that there is.
void Program::send_signal(int signal) const {
  if (pid_ > 0) kill(pid_, signal);
}

Finished Program::finish() {
  Finished finished;
  finished.out = std::move(buffered_);
  // What stands in stderr is little and fits into its pipe meanwhile.
  while (out_ >= 0 && read_more(out_, finished.out)) {
  }
  while (read_more(err_, finished.err)) {
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  if (WIFEXITED(status)) finished.exit_code = WEXITSTATUS(status);
  return finished;
}

bool Program::read_more(int fd, std::string& into) {
  pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline_ - std::chrono::steady_clock::now());
  if (left.count() <= 0 || poll(&watched, 1, static_cast<int>(left.count())) <= 0) {
    ADD_FAILURE() << "the program did not end or answer in time";
    send_signal(SIGKILL);
    return false;
  }
  char chunk[4096];
  const ssize_t got = read(fd, chunk, sizeof chunk);
  if (got <= 0) return false;  // a terminal whose writer has gone reports EIO
  into.append(chunk, static_cast<std::size_t>(got));
  return true;
}

std::string interlockctl_path() {
  const char* const directory = std::getenv("INTERLOCK_BIN_DIR");
  EXPECT_NE(directory, nullptr) << "run this test with ctest, which says where the programs are";
  return std::string(directory == nullptr ? "." : directory) + "/interlockctl";
}

}  // namespace interlock
