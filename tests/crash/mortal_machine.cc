#include "tests/crash/mortal_machine.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <utility>

extern char** environ;

namespace interlock {
namespace {

namespace fs = std::filesystem;

std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Its status as waitpid gives it.
int run_program(std::vector<std::string> words, const std::string& errors) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child = 0;
  const int failed =
      posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = -1;
  if (failed == 0) waitpid(child, &status, 0);
  return status;
}

std::string describe(int status) {
  std::ostringstream text;
  if (WIFEXITED(status)) {
    text << "ended with status " << WEXITSTATUS(status);
  } else if (WIFSIGNALED(status)) {
    text << "was ended by signal " << WTERMSIG(status);
  } else {
    text << "did not start";
  }
  return text.str();
}

std::string program() {
  return fs::read_symlink("/proc/self/exe").parent_path() / "crash_coordinator";
}

}  // namespace

Life MortalMachine::run(const LifePlan& plan) {
  fs::create_directory(folder());
  fs::remove(diary_path());
  std::vector<std::string> words{program(),
                                 folder(),
                                 diary_path(),
                                 std::to_string(plan.life),
                                 std::to_string(plan.answers),
                                 plan.syncs_lie ? "1" : "0"};
  if (plan.death.hit > 0) {
    words.insert(words.end(), {plan.death.failpoint, std::to_string(plan.death.hit)});
  }
  const std::string errors = scratch_.path() + "/errors";
  const int status = run_program(words, errors);

  Life life;
  life.diary = read_diary(diary_path());
  const bool at_its_place =
      !life.diary.empty() && life.diary.back() == DiaryLine{"hit", plan.death.failpoint};
  life.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && at_its_place;
  const bool ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!life.killed && !ended) {
    life.failure = "the process " + describe(status) + ": " + contents_of(errors);
  }
  play(life.diary);
  if (life.failure.empty()) life.failure = difference();
  return life;
}

void MortalMachine::play(const std::vector<DiaryLine>& diary) {
  struct Open {
    ForgetfulDisk::Handle file;
    std::string path;
  };
  std::map<std::string, Open> open;
  for (const DiaryLine& line : diary) {
    const std::string& what = line[0];
    rocksdb::IOStatus s;
    if (what == "create") {
      Open& made = open[line[1]];
      made.path = line[2];
      s = disk_->create(line[2], &made.file);
    } else if (what == "append") {
      s = disk_->append(open.at(line[1]).file, open.at(line[1]).path, line[2]);
    } else if (what == "sync") {
      s = disk_->sync(open.at(line[1]).file, open.at(line[1]).path);
    } else if (what == "sync_directory") {
      s = disk_->sync_directory(line[1]);
    } else if (what == "make_directory") {
      s = disk_->make_directory(line[1]);
    } else if (what == "rename") {
      s = disk_->rename(line[1], line[2]);
    } else if (what == "remove") {
      s = disk_->remove(line[1]);
    }
    if (!s.ok()) std::abort();  // it could be done, and so it can be done again
  }
}

// A wrapper that misses an operation would make the power cuts harmless.
std::string MortalMachine::difference() const {
  std::set<std::string> expected;
  for (const std::string& path : disk_->files()) {
    expected.insert(path);
    if (contents_of(folder() + path) != disk_->contents(path)) {
      return path + " is not what the diary says";
    }
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder())) {
    const std::string path = entry.path().string().substr(folder().size());
    if (entry.is_directory() || path.ends_with("/LOCK") || expected.contains(path)) continue;
    return path + " is not in the diary";
  }
  return {};
}

void MortalMachine::cut_power(std::uint64_t seed, ForgetfulDisk::Loss loss) {
  disk_ = disk_->after_power_cut(seed, loss);
  fs::remove_all(folder());
  fs::create_directory(folder());
  for (const std::string& name : disk_->children("/")) {
    if (disk_->find("/" + name)->is_directory) fs::create_directory(folder() + "/" + name);
  }
  for (const std::string& path : disk_->files()) {
    std::ofstream(folder() + path, std::ios::binary) << disk_->contents(path);
  }
}

}  // namespace interlock
