#include "coordinator/ctl/console/browser.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace interlock {
namespace {

bool has_display() {
  for (const char* name : {"WAYLAND_DISPLAY", "DISPLAY"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return true;
  }
  return false;
}

// Only its owner can read what is in it. Empty: there is none.
std::string make_private_folder() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  std::string name = std::string(runtime == nullptr || *runtime == '\0' ? "/tmp" : runtime) +
                     "/interlock-console-XXXXXX";
  return mkdtemp(name.data()) == nullptr ? "" : name;
}

// In its own time: xdg-open may stay for as long as the browser does. What it writes is nobody's.
void open_in_browser(const std::string& address) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  }
  // The signals that this program holds back must be able to end the browser.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::string program = "xdg-open";
  std::string argument = address;
  const std::array<char*, 3> arguments{program.data(), argument.data(), nullptr};
  pid_t ignored = 0;
  posix_spawnp(&ignored, program.c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
}

}  // namespace

BrowserDoor::BrowserDoor(const std::string& url) {
  if (!has_display()) return;
  folder_ = make_private_folder();
  if (folder_.empty()) return;
  file_ = folder_ + "/console.html";
  std::ofstream(file_) << fmt::format(
      "<!doctype html><meta charset=\"utf-8\"><title>Interlock</title>"
      "<meta http-equiv=\"refresh\" content=\"0; url={0}\">"
      "<a href=\"{0}\">Interlock's console</a>\n",
      url);
  open_in_browser("file://" + file_);
}

BrowserDoor::~BrowserDoor() {
  if (folder_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
  std::filesystem::remove(folder_, ignored);
}

}  // namespace interlock
