// A coordinator is killed at every place around its commits, and its power is cut now and then.
#include <algorithm>
#include <cstdlib>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "coordinator/engine/engine_thread.h"
#include "coordinator/store/rocksdb_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/coordinator/store/blocking.h"
#include "tests/coordinator/store/forgetful_file_system.h"
#include "tests/crash/failpoints.h"
#include "tests/crash/mortal_machine.h"
#include "tests/crash/promised.h"

namespace interlock {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using Loss = ForgetfulDisk::Loss;
using Wrong = std::vector<std::string>;

constexpr std::uint64_t kLivesOfAStore = 16;
constexpr std::uint64_t kAnswers = 150;  // of a life

std::uint64_t of_environment(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

// --- Recovery ------------------------------------------------------------------------------------

class Unwell final : public EngineObserver {
 public:
  void fatal(const std::string& reason) override { ADD_FAILURE() << reason; }
};

Answer ask(EngineThread& engine, const std::string& key, Command command) {
  std::promise<Answer> answer;
  engine.ask(key, std::move(command),
             [&](Answer given, Revision) { answer.set_value(std::move(given)); });
  return answer.get_future().get();
}

absl::StatusOr<std::unique_ptr<RocksdbStore>> open(const std::shared_ptr<ForgetfulDisk>& disk) {
  RocksdbOptions options;
  options.file_system = std::make_shared<ForgetfulFileSystem>(disk);
  options.write_buffer_bytes = 64 * 1024;
  return RocksdbStore::open("/db", options);
}

// An engine over the recovered store must know all that was answered, and go on above it.
void question(std::unique_ptr<Store> store, const Contents& found, const PromisedByEngine& promised,
              std::uint64_t life, Wrong& wrong) {
  Unwell observer;
  EngineThread engine(std::move(store), {}, [] { return 0.5; }, observer);
  engine.start();
  std::map<std::string, std::optional<Record>> records;
  for (const std::string& key : promised.keys()) {
    const Answer answer = ask(engine, key, Lookup{});
    const auto* seen = std::get_if<Found>(&answer);
    records[key] = seen != nullptr ? std::optional(seen->record) : std::nullopt;
  }
  promised.compare(records, found, wrong);
  std::vector<std::string> keys = promised.keys();
  if (keys.size() > 2) keys = {keys[life % keys.size()]};
  keys.push_back("alice:new");
  for (const std::string& key : keys) {
    const std::string name = "after-" + std::to_string(life);
    const Answer answer =
        ask(engine, key, Claim{.subject = "alice", .gateway_id = name, .claim_id = name});
    const auto* granted = std::get_if<Granted>(&answer);
    if (granted == nullptr) {
      wrong.push_back("after the recovery a claim of " + key + " is not granted");
    } else if (granted->generation <= promised.highest_generation()) {
      wrong.push_back("after the recovery the generation of " + key + " is not above all others");
    }
  }
  engine.stop();
}

// --- Lives ---------------------------------------------------------------------------------------

struct Outcomes {
  std::map<std::string, std::uint64_t> kills;  // by failpoint
  std::uint64_t lives = 0;
  std::uint64_t killed = 0;
  std::uint64_t powers_cut = 0;
  std::uint64_t recoveries = 0;
  std::uint64_t answers = 0;
  Wrong wrong;
};

bool is_unfinished(const std::string& path) { return path.ends_with(".dbtmp"); }

class Story {
 public:
  Story(std::uint64_t seed, std::uint64_t kills, bool syncs_lie)
      : random_(seed), kills_(kills), syncs_lie_(syncs_lie) {
    for (const Failpoint& failpoint : kFailpoints) {
      outcomes_.kills[std::string(failpoint.name)] = 0;
    }
  }

  // Ends early when something like that is wrong: what comes after it says no more.
  Outcomes tell(const std::string& wrong = "") {
    const auto found = [&](const std::string& each) {
      return each.find(wrong) != std::string::npos;
    };
    while (!enough() && outcomes_.lives < 3 * kills_ &&
           std::none_of(outcomes_.wrong.begin(), outcomes_.wrong.end(), found)) {
      live_on_one_store();
    }
    return std::move(outcomes_);
  }

 private:
  // So many kills, and one at each place: when the process dies is up to its threads, so some
  // places may need a few more lives.
  bool enough() const {
    return outcomes_.killed >= kills_ &&
           (syncs_lie_ || std::none_of(outcomes_.kills.begin(), outcomes_.kills.end(),
                                       [](const auto& place) { return place.second == 0; }));
  }

  void live_on_one_store() {
    MortalMachine machine;
    PromisedByStore by_store;
    PromisedByEngine by_engine;
    Wrong wrong;
    for (std::uint64_t number = 0; number < kLivesOfAStore && wrong.empty(); ++number) {
      if (enough()) break;
      const DeathSentence death = next_death(machine);
      ++outcomes_.lives;
      const std::string name = "life " + std::to_string(outcomes_.lives) + ", " + death.failpoint +
                               " " + std::to_string(death.hit);
      const Life life = machine.run({.life = outcomes_.lives,
                                     .answers = kAnswers,
                                     .syncs_lie = syncs_lie_,
                                     .death = death});
      remember(life, death);
      if (!life.failure.empty()) wrong.push_back(life.failure);
      by_store.take(life.diary, wrong);
      by_engine.take(life.diary, wrong);
      const std::string fate = perhaps_cut_power(machine);
      if (wrong.empty()) recover(machine, by_store, by_engine, wrong);
      for (const std::string& each : wrong) {
        outcomes_.wrong.push_back(name + ", " + fate + ": " + each);
      }
    }
    outcomes_.answers += by_engine.answers();
  }

  // Of the places to which this life can come, one where it has died least; at any of the times.
  // Every other life ends around a commit.
  DeathSentence next_death(const MortalMachine& machine) {
    const std::vector<std::string> files = machine.files();
    const bool accident = std::any_of(files.begin(), files.end(), is_unfinished);
    std::vector<std::string> rarest;
    for (const Failpoint& failpoint : kFailpoints) {
      if (failpoint.comes == Comes::kAfterAnAccident && !accident) continue;
      if ((failpoint.comes == Comes::kAtBirth) != files.empty()) continue;
      const std::string name(failpoint.name);
      const bool any = outcomes_.lives % 2 == 0 || files.empty() ||
                       failpoint.comes == Comes::kAfterAnAccident;
      if (!any && !is_around_a_commit(name)) continue;
      const auto often = [this](const std::string& each) {
        return std::pair{outcomes_.kills[each], tried_[each]};
      };
      if (!rarest.empty() && often(name) > often(rarest[0])) continue;
      if (!rarest.empty() && often(name) < often(rarest[0])) rarest.clear();
      rarest.push_back(name);
    }
    const std::string name = rarest[random_() % rarest.size()];
    const std::uint64_t often = std::max<std::uint64_t>(1, reached_[name]);
    return {name, random_() % 3 == 0 ? 1 : 1 + random_() % often};
  }

  void remember(const Life& life, const DeathSentence& death) {
    std::map<std::string, std::uint64_t> reached;
    for (const DiaryLine& line : life.diary) {
      if (line[0] == "hit") ++reached[line[1]];
    }
    for (const auto& [name, times] : reached) {
      reached_[name] = std::max(reached_[name], times);
    }
    ++tried_[death.failpoint];
    if (!life.killed) {
      reached_[death.failpoint] = reached[death.failpoint];  // less often than before
      return;
    }
    ++outcomes_.killed;
    ++outcomes_.kills[death.failpoint];
  }

  std::string perhaps_cut_power(MortalMachine& machine) {
    const std::uint64_t luck = random_() % 5;
    if (luck < 2 || is_rare(machine)) return "process killed";
    ++outcomes_.powers_cut;
    const Loss loss = luck == 2 ? Loss::kEverything : luck == 3 ? Loss::kHalf : Loss::kByLuck;
    machine.cut_power(random_(), loss);
    return luck == 2 ? "all unsynced lost" : luck == 3 ? "half of unsynced lost" : "power cut";
  }

  // The accident that some failpoints wait for: it must not be undone before they have had it.
  bool is_rare(const MortalMachine& machine) const {
    const std::vector<std::string> files = machine.files();
    return std::any_of(files.begin(), files.end(), is_unfinished) &&
           std::any_of(kFailpoints.begin(), kFailpoints.end(), [this](const Failpoint& failpoint) {
             return failpoint.comes == Comes::kAfterAnAccident &&
                    outcomes_.kills.at(std::string(failpoint.name)) == 0;
           });
  }

  void recover(const MortalMachine& machine, PromisedByStore& by_store,
               const PromisedByEngine& by_engine, Wrong& wrong) {
    const auto disk = machine.copy_of_disk();
    std::optional<Contents> once;
    for (int time = 0; time < 2; ++time) {
      auto store = open(disk);
      ++outcomes_.recoveries;
      if (!store.ok()) return wrong.push_back(std::string(store.status().message()));
      const auto contents = contents_of(**store);
      if (!contents.ok()) return wrong.push_back(std::string(contents.status().message()));
      if (!once) {
        once = *contents;
        by_store.compare(*contents, wrong);
        continue;
      }
      if (!(*contents == *once)) wrong.push_back("recovering twice is not recovering once");
      question(*std::move(store), *contents, by_engine, outcomes_.lives, wrong);
    }
  }

  std::mt19937_64 random_;
  const std::uint64_t kills_;
  const bool syncs_lie_;
  std::map<std::string, std::uint64_t> tried_;
  std::map<std::string, std::uint64_t> reached_;  // how often a life may come there
  Outcomes outcomes_;
};

TEST(Crash, WhatWasAnsweredSurvivesAKillAtEveryPlaceAroundACommit) {
  const std::uint64_t seed = of_environment("INTERLOCK_SEED", std::random_device{}());
  const std::uint64_t kills = of_environment("INTERLOCK_KILLS", full() ? 2000 : 200);
  const Outcomes outcomes = Story(seed, kills, false).tell();
  std::vector<std::string> spared;
  for (const auto& [name, times] : outcomes.kills) {
    std::cout << name << ' ' << times << '\n';
    if (times == 0) spared.push_back(name);
  }
  std::cout << outcomes.lives << " lives, " << outcomes.killed << " killed, " << outcomes.powers_cut
            << " power cuts, " << outcomes.answers << " answers\n";
  EXPECT_THAT(outcomes.wrong, IsEmpty()) << "INTERLOCK_SEED=" << seed;
  EXPECT_THAT(spared, IsEmpty()) << "nobody was killed there";
  EXPECT_GE(outcomes.killed, kills);
  count("crash.kills", outcomes.killed);
  count("crash.failpoints", outcomes.kills.size());
  count("crash.power_cuts", outcomes.powers_cut);
  count("crash.recoveries", outcomes.recoveries);
  count("crash.answers", outcomes.answers);
}

TEST(Crash, WithSyncsThatLieTheSameTestFindsLoss) {
  const std::uint64_t seed = of_environment("INTERLOCK_SEED", std::random_device{}());
  const Outcomes outcomes = Story(seed, 60, true).tell("was promised");
  EXPECT_THAT(outcomes.wrong, Contains(HasSubstr("was promised"))) << "INTERLOCK_SEED=" << seed;
}

}  // namespace
}  // namespace interlock
