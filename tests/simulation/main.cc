// Runs seeds until one fails, all have run, or the time is over.
//
//   simulate [--from S] [--seeds N] [--full-seeds N] [--seconds T] [--processes P]
//            [--transcript FILE] [--all-faults] [--twice] [--keep-going]
//
// Exit status 1 when a seed failed: its number, what was wrong and the end of its transcript are
// printed, and all of the transcript is in a file. --full-seeds: instead of --seeds under
// INTERLOCK_FULL=1. --all-faults: a fault that has never happened fails too. --twice: each seed
// runs twice, and both transcripts must be the same, byte for byte. --keep-going: one line for each
// seed that fails, and on.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "tests/simulation/simulation.h"
#include "tests/simulation/totals.h"

namespace interlock::sim {
namespace {

struct Options {
  std::uint64_t from = 1;
  std::uint64_t seeds = 100;
  double seconds = 0;  // 0: as long as it takes
  std::uint64_t processes = 1;
  std::string transcript;
  bool all_faults = false;
  bool twice = false;
  bool keep_going = false;
};

double cpu_hours() {
  double seconds = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      seconds += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    }
  }
  return seconds / 3'600;
}

double wall_seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Once more, with everything written down.
void report_failure(const Run& failed, const Options& options, double after_s) {
  std::cout << fmt::format("seed {} failed after {:.1f} s\n", failed.seed, after_s);
  Simulation again(failed.seed, true);
  if (again.run()) std::cout << "It passes when it runs again: it is not deterministic.\n";
  const std::string& transcript = again.world().run.transcript;
  const std::string file = options.transcript.empty()
                               ? "simulation-" + std::to_string(failed.seed) + ".transcript"
                               : options.transcript;
  std::ofstream(file) << transcript;
  constexpr std::size_t kShown = 6'000;
  std::cout << transcript.substr(transcript.size() > kShown ? transcript.size() - kShown : 0);
  for (const std::string& sentence : failed.violations) std::cout << "WRONG " << sentence << "\n";
  std::cout << "seed " << failed.seed << " FAILED, transcript: " << file << std::endl;
}

bool runs_the_same_twice(std::uint64_t seed) {
  Simulation first(seed, true);
  Simulation second(seed, true);
  first.run();
  second.run();
  const std::string& transcript = first.world().run.transcript;
  if (!transcript.empty() && transcript == second.world().run.transcript) return true;
  std::cout << "seed " << seed << " runs differently when it runs again\n";
  return false;
}

// Every so manieth seed. False: one has failed.
bool run_seeds(const Options& options, std::uint64_t first, std::uint64_t step,
               std::atomic<bool>& stop, Totals& totals) {
  const double began = wall_seconds();
  bool all_right = true;
  for (std::uint64_t seed = first; seed < options.from + options.seeds; seed += step) {
    if (stop || (options.seconds > 0 && wall_seconds() > began + options.seconds)) break;
    bool right = false;
    if (options.twice) {
      right = runs_the_same_twice(seed);
    } else {
      Simulation simulation(seed, !options.transcript.empty());
      right = simulation.run();
      const Run& run = simulation.world().run;
      totals.add(run);
      if (!options.transcript.empty()) std::ofstream(options.transcript) << run.transcript;
      if (!right && options.keep_going) {
        std::cout << "seed " << seed << ": " << run.violations.front() << std::endl;
        all_right = false;
        continue;
      }
      if (!right && !stop) report_failure(run, options, wall_seconds() - began);
    }
    if (right) continue;
    stop = true;
    return false;
  }
  return all_right;
}

// A child for each process but this one; what they came to comes back through pipes.
bool run_in_processes(const Options& options, Totals& totals) {
  void* shared = mmap(nullptr, sizeof(std::atomic<bool>), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto& stop = *new (shared) std::atomic<bool>(false);
  std::vector<std::pair<pid_t, int>> children;
  for (std::uint64_t i = 1; i < options.processes; ++i) {
    int ends[2] = {};
    if (pipe(ends) != 0) return false;
    const pid_t child = fork();
    if (child == 0) {
      Totals own;
      const bool right = run_seeds(options, options.from + i, options.processes, stop, own);
      std::ostringstream text;
      own.write(text);
      const bool sent = write(ends[1], text.str().data(), text.str().size()) >= 0;
      _exit(right && sent ? 0 : 1);
    }
    close(ends[1]);
    children.emplace_back(child, ends[0]);
  }
  bool right = run_seeds(options, options.from, options.processes, stop, totals);
  for (const auto& [child, end] : children) {
    std::string text;
    char bytes[4'096];
    for (ssize_t count = 0; (count = read(end, bytes, sizeof bytes)) > 0;) {
      text.append(bytes, count);
    }
    close(end);
    std::istringstream in(text);
    totals.read(in);
    int status = 0;
    right = waitpid(child, &status, 0) == child && status == 0 && right;
  }
  return right;
}

int simulate(const Options& options) {
  Totals totals;
  bool right = run_in_processes(options, totals);
  if (options.twice) {
    if (right) std::cout << "each of " << options.seeds << " seeds ran the same twice\n";
    return right ? 0 : 1;
  }
  totals.print_table(std::cout);
  if (options.all_faults && right) right = totals.all_faults_happened(std::cout);
  totals.report_counts();
  std::cout << totals.summary(cpu_hours()) << ": " << (right ? "passed" : "FAILED") << "\n";
  return right ? 0 : 1;
}

int run(int count, char** arguments) {
  Options options;
  const char* full = std::getenv("INTERLOCK_FULL");
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    const char* value = i + 1 < count ? arguments[i + 1] : "";
    const auto number = [value] { return std::strtoull(value, nullptr, 10); };
    if (name == "--all-faults") {
      options.all_faults = true;
      continue;
    } else if (name == "--twice") {
      options.twice = true;
      continue;
    } else if (name == "--keep-going") {
      options.keep_going = true;
      continue;
    } else if (name == "--from") {
      options.from = number();
    } else if (name == "--seeds") {
      options.seeds = number();
    } else if (name == "--full-seeds") {
      if (full != nullptr && std::strcmp(full, "1") == 0) options.seeds = number();
    } else if (name == "--processes") {
      options.processes = number();
    } else if (name == "--seconds") {
      options.seconds = std::strtod(value, nullptr);
      options.seeds = ~std::uint64_t{0} >> 1;
    } else if (name == "--transcript") {
      options.transcript = value;
    } else {
      std::cerr << "simulate: unknown argument '" << name << "'\n";
      return 2;
    }
    ++i;
  }
  return simulate(options);
}

}  // namespace
}  // namespace interlock::sim

int main(int count, char** arguments) { return interlock::sim::run(count, arguments); }
