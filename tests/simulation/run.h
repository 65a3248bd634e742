// What everything in one run shares: time, dice, the plan of its faults, and what is written down.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/swarm.h"
#include "tests/simulation/timeline.h"

namespace interlock::sim {

struct Run {
  Run(std::uint64_t seed, bool keep_transcript)
      : seed(seed), dice(seed), swarm(dice, seed), keeps_transcript(keep_transcript) {}

  // Whether this fault happens now, and if so it is counted.
  bool happens(Fault fault) {
    if (calm || !dice.chance(swarm.probability(fault))) return false;
    faults.add(fault);
    return true;
  }
  template <class... Parts>
  void line(fmt::format_string<Parts...> format, Parts&&... parts) {
    if (!keeps_transcript) return;
    transcript += fmt::format("{:>11.3f} ms ", static_cast<double>(time.now()) / 1'000);
    transcript += fmt::format(format, std::forward<Parts>(parts)...);
    transcript += '\n';
  }
  template <class... Parts>
  void wrong(fmt::format_string<Parts...> format, Parts&&... parts) {
    std::string sentence = fmt::format("{:.3f} ms: ", static_cast<double>(time.now()) / 1'000) +
                           fmt::format(format, std::forward<Parts>(parts)...);
    line("WRONG {}", sentence);
    if (violations.size() < 20) violations.push_back(std::move(sentence));
  }
  void count(const char* what) { ++counts[what]; }

  const std::uint64_t seed;
  Timeline time;
  Dice dice;
  const Swarm swarm;
  FaultCounts faults;
  bool calm = false;  // everything heals: nothing fails any more
  std::vector<std::string> violations;
  const bool keeps_transcript;
  std::string transcript;
  std::map<std::string, std::uint64_t> counts;  // of what was done and heard
};

}  // namespace interlock::sim
