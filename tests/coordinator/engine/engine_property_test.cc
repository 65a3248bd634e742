// Whatever happens, in whatever order: what must hold when seen from outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/coordinator/engine/chaos.h"

namespace interlock {
namespace {

using testing::IsEmpty;

// What must have happened at least once for the run to be worth its name.
const char* const kFaults[] = {"failed",       "unknown_landed",      "unknown_lost",
                               "unknown_late", "crash",               "stream_cut",
                               "feed_lost",    "positions_forgotten", "away_unknown",
                               "away_failed",  "skip_or_short_read"};

const char* const kNotices[] = {"kept",       "listed_superseded", "listed_released",
                                "superseded", "released",          "state_moved",
                                "store_away", "events"};

std::uint64_t seeds() {
  if (const char* given = std::getenv("INTERLOCK_SEEDS")) return std::strtoull(given, nullptr, 10);
  const char* full = std::getenv("INTERLOCK_FULL");
  return full != nullptr && std::string(full) == "1" ? 5'000 : 300;
}
std::uint64_t first_seed() {
  const char* given = std::getenv("INTERLOCK_SEED");
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}

// Where each write decides one command, each answer must tell of a state that was durable.
Chaos::Setup setup_of(std::uint64_t seed) {
  return {.seed = seed,
          .coordinators = seed % 5 == 0 ? 3u : 2u,
          .commands_per_write = seed % 2 == 0 ? 1u : 1'024u};
}

class Counts {
 public:
  void add(const std::map<std::string, std::uint64_t>& more, const std::string& prefix = {}) {
    for (const auto& [name, count] : more) counts_[prefix + name] += count;
  }
  std::uint64_t of(const std::string& name) const {
    const auto found = counts_.find(name);
    return found == counts_.end() ? 0 : found->second;
  }
  // For whoever adds up what the tests of a night have done.
  void report(std::uint64_t seeds) const {
    const char* file = std::getenv("INTERLOCK_COUNTS");
    if (file == nullptr) return;
    std::ofstream out(file, std::ios::app);
    out << "engine.seeds " << seeds << "\n";
    for (const auto& [name, count] : counts_) {
      out << "engine." << name << " " << count << "\n";
    }
  }

 private:
  std::map<std::string, std::uint64_t> counts_;
};

TEST(EngineProperty, WhateverFailsNothingIsUntrue) {
  Counts counts;
  const std::uint64_t first = first_seed();
  const std::uint64_t last = first + seeds();
  for (std::uint64_t seed = first; seed < last; ++seed) {
    Chaos chaos(setup_of(seed));
    chaos.run();
    counts.add(chaos.faults);
    counts.add(chaos.check->answers, "answer.");
    counts.add(chaos.notices, "notice.");
    ASSERT_THAT(chaos.wrong, IsEmpty()) << "INTERLOCK_SEED=" << seed << " INTERLOCK_SEEDS=1";
    ASSERT_THAT(chaos.world->wrong, IsEmpty()) << "INTERLOCK_SEED=" << seed;
  }
  if (seeds() >= 100) {
    for (const char* fault : kFaults) EXPECT_GT(counts.of(fault), 0u) << fault;
    for (const char* kind : kNotices) {
      EXPECT_GT(counts.of("notice." + std::string(kind)), 0u) << kind;
    }
  }
  counts.report(seeds());
}

TEST(EngineProperty, TheSameInputsInTheSameOrderGiveTheSameOutputs) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    std::string traces[2];
    for (std::string& trace : traces) {
      Chaos chaos({.seed = seed, .keep_trace = true});
      chaos.run();
      trace = chaos.world->trace;
    }
    ASSERT_GT(traces[0].size(), 10'000u);
    ASSERT_TRUE(traces[0] == traces[1]) << "seed " << seed;
  }
}

}  // namespace
}  // namespace interlock
