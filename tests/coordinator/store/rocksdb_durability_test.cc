// Power cuts, failing and full disks.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <future>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "coordinator/store/rocksdb_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/coordinator/store/blocking.h"
#include "tests/coordinator/store/forgetful_file_system.h"
#include "tests/coordinator/store/promises.h"

namespace interlock {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using Operation = ForgetfulDisk::Operation;
using DiskStatus = rocksdb::IOStatus;

std::uint64_t seed_of_this_run() {
  const char* given = std::getenv("INTERLOCK_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

// One process: a store on a disk, until the store's end.
struct Life {
  explicit Life(const std::shared_ptr<ForgetfulDisk>& disk, bool sync = true) {
    RocksdbOptions options;
    options.file_system = std::make_shared<ForgetfulFileSystem>(disk);
    options.write_buffer_bytes = 64 * 1024;  // so that the power is cut in flushes, too
    options.sync = sync;
    options.on_fatal = [this](const std::string& said) {
      std::lock_guard lock(mutex);
      sentence = said;
      over = true;
      ended.notify_all();
    };
    auto opened = RocksdbStore::open("/db", options);
    status = opened.status();
    if (opened.ok()) store = *std::move(opened);
  }

  std::atomic<bool> over = false;
  std::mutex mutex;
  std::condition_variable ended;
  std::string sentence;
  absl::Status status;
  std::unique_ptr<RocksdbStore> store;
};

struct CutResult {
  std::uint64_t cuts = 0;
  std::vector<std::string> refused_to_start;
  std::vector<std::string> broken;
};

// Lives on one disk, each ended by a power cut at any moment, its opening included.
CutResult cut_power_again_and_again(std::uint64_t seed, std::uint64_t cuts, bool sync) {
  std::mt19937_64 random(seed);
  CutResult result;
  auto disk = std::make_shared<ForgetfulDisk>();
  Promises promises(seed);
  while (result.cuts < cuts) {
    disk->cut_power_at(1 + random() % (random() % 4 == 0 ? 30 : 700), random());
    {
      Life life(disk, sync);
      if (life.store)
        promises.work(*life.store, 1 + random() % 400, [&] { return life.over.load(); });
      if (!life.store && !disk->power_is_cut()) {
        result.refused_to_start.push_back(life.status.ToString());
      }
      disk = disk->after_power_cut(random());
    }
    ++result.cuts;
    auto copy = disk->copy();  // so that looking does not sync
    Life next(copy);
    if (!next.store) {
      result.refused_to_start.push_back(next.status.ToString());
      return result;
    }
    for (std::string& each : promises.broken(*next.store)) {
      result.broken.push_back("cut " + std::to_string(result.cuts) + ": " + each);
    }
  }
  return result;
}

TEST(RocksdbDurability, WhatWasAnsweredSurvivesAPowerCutAtAnyMoment) {
  const std::uint64_t seed = seed_of_this_run();
  std::cout << "INTERLOCK_SEED=" << seed << "\n";
  // Side by side: RocksDB rests for a second when a flush has failed.
  std::vector<CutResult> results(full() ? 20 : 6);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] { results[i] = cut_power_again_and_again(seed + i, 25, true); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const CutResult& result : results) {
    EXPECT_THAT(result.refused_to_start, IsEmpty()) << "INTERLOCK_SEED=" << seed;
    EXPECT_THAT(result.broken, IsEmpty()) << "INTERLOCK_SEED=" << seed;
    count("durability.power_cuts", result.cuts);
  }
}

TEST(RocksdbDurability, WithoutSyncedWritesTheSameTestFindsLoss) {
  const std::uint64_t seed = seed_of_this_run();
  // What was lost may keep a store from starting, and then nothing shows on that disk.
  std::vector<std::string> broken;
  for (std::uint64_t disk = 0; broken.empty() && disk < 6; ++disk) {
    broken = cut_power_again_and_again(seed + disk, 25, false).broken;
  }
  EXPECT_THAT(broken, Contains(HasSubstr("was promised"))) << "INTERLOCK_SEED=" << seed;
}

// The first life writes without syncing and is killed; the second one has read what it wrote out
// of the machine's cache.
TEST(RocksdbDurability, WhatANewLifeHasReadSurvivesAPowerCut) {
  auto disk = std::make_shared<ForgetfulDisk>();
  {
    Life killed(disk, false);
    ASSERT_TRUE(killed.store) << killed.status;
    commit(*killed.store, put("k", kAbsent, "unsynced", {{1, "a"}}));
  }
  {
    Life next(disk);
    ASSERT_TRUE(next.store) << next.status;
    ASSERT_EQ(load(*next.store)->records.count("k"), 1U);
    disk = disk->after_power_cut(1);
  }
  Life last(disk);
  ASSERT_TRUE(last.store) << last.status;
  EXPECT_EQ(load(*last.store)->records.at("k").bytes, "unsynced");
  EXPECT_EQ(read(*last.store, {{"k", 0, 9}})->front().size(), 1U);
}

// The first life is killed when it has made the directory and not yet seen to its name.
TEST(RocksdbDurability, ADirectoryThatAKilledProcessMadeSurvivesAPowerCut) {
  auto disk = std::make_shared<ForgetfulDisk>();
  ASSERT_TRUE(disk->make_directory("/db").ok());
  {
    Life next(disk);
    ASSERT_TRUE(next.store) << next.status;
    commit(*next.store, put("k", kAbsent, "r"));
    disk = disk->after_power_cut(1, ForgetfulDisk::Loss::kEverything);
  }
  Life last(disk);
  ASSERT_TRUE(last.store) << last.status;
  EXPECT_EQ(load(*last.store)->records.count("k"), 1U);
}

TEST(RocksdbDurability, RevisionsDoNotGoBackWhenTheLastRecordsAreGone) {
  auto disk = std::make_shared<ForgetfulDisk>();
  Revision highest = kAbsent;
  for (int life = 0; life < 5; ++life) {
    Life now(disk);
    ASSERT_TRUE(now.store) << now.status;
    const auto made = std::get<Applied>(commit(*now.store, put("k", kAbsent, "r")));
    const auto gone = std::get<Applied>(commit(*now.store, erase("k", made.revision)));
    EXPECT_GT(made.revision, highest);
    EXPECT_GT(gone.revision, made.revision);
    highest = gone.revision;
    disk = disk->after_power_cut(life);
  }
}

// --- Disks that fail -----------------------------------------------------------------------------

struct Failing {
  const char* name;
  Operation operation;
  const char* file;  // a part of its path
  DiskStatus status;
  const char* said;

  friend std::ostream& operator<<(std::ostream& to, const Failing& failing) {
    return to << failing.name;
  }
};

class FailingDisk : public testing::TestWithParam<Failing> {};

TEST_P(FailingDisk, EndsTheProcessAndLosesNothingThatWasAnswered) {
  const Failing& failing = GetParam();
  auto disk = std::make_shared<ForgetfulDisk>();
  Promises promises(7);
  {
    Life life(disk);
    ASSERT_TRUE(life.store) << life.status;
    promises.work(*life.store, 20, [&] { return life.over.load(); });
    std::atomic<bool> failed = false;
    std::uint64_t healthy = 3;
    disk->set_fault([&](Operation operation, const std::string& path) {
      if (operation != failing.operation || path.find(failing.file) == std::string::npos) {
        return DiskStatus::OK();
      }
      if (!failed && healthy-- > 0 && path.ends_with(".log")) return DiskStatus::OK();
      // Once: the next try may well succeed, as an fsync does after the kernel has dropped pages.
      return failed.exchange(true) ? DiskStatus::OK() : failing.status;
    });
    promises.work(*life.store, 100'000, [&] { return life.over.load(); });
    std::lock_guard lock(life.mutex);
    EXPECT_THAT(life.sentence, HasSubstr("/db"));
    EXPECT_THAT(life.sentence, HasSubstr(failing.said));

    EXPECT_FALSE(load(*life.store).ok()) << "what is believed here may not be on the disk";
    disk->set_fault(nullptr);
    life.store.reset();
  }
  disk = disk->after_power_cut(7);
  Life next(disk);
  ASSERT_TRUE(next.store) << next.status;
  EXPECT_THAT(promises.broken(*next.store), IsEmpty());
  EXPECT_GT(promises.answered(), 20U);
}

INSTANTIATE_TEST_SUITE_P(
    Rocksdb, FailingDisk,
    testing::Values(
        Failing{"AppendToTheLog", Operation::kAppend, ".log", DiskStatus::IOError("EIO"), "EIO"},
        Failing{"SyncOfTheLog", Operation::kSync, ".log", DiskStatus::IOError("EIO"), "EIO"},
        Failing{"NoRoomForTheLog", Operation::kAppend, ".log", DiskStatus::NoSpace("ENOSPC"),
                "ENOSPC"},
        Failing{"NoRoomForANewLog", Operation::kCreate, ".log", DiskStatus::NoSpace("ENOSPC"),
                "ENOSPC"},
        Failing{"AppendToATable", Operation::kAppend, ".sst", DiskStatus::IOError("EIO"), "EIO"},
        Failing{"SyncOfATable", Operation::kSync, ".sst", DiskStatus::IOError("EIO"), "EIO"},
        Failing{"NoRoomForATable", Operation::kAppend, ".sst", DiskStatus::NoSpace("ENOSPC"),
                "ENOSPC"},
        Failing{"AppendToTheManifest", Operation::kAppend, "MANIFEST", DiskStatus::IOError("EIO"),
                "EIO"},
        Failing{"SyncOfTheManifest", Operation::kSync, "MANIFEST", DiskStatus::IOError("EIO"),
                "EIO"}),
    [](const auto& info) { return std::string(info.param.name); });

// Nobody commits any more, and yet it ends.
TEST(RocksdbDurability, ADiskThatFailsInTheBackgroundEndsTheProcess) {
  auto disk = std::make_shared<ForgetfulDisk>();
  Life life(disk);
  ASSERT_TRUE(life.store) << life.status;
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<bool> first = true;
  disk->set_fault([&](Operation operation, const std::string& path) {
    if (operation != Operation::kAppend || !path.ends_with(".sst")) return DiskStatus::OK();
    if (first.exchange(false)) {
      begun.set_value();
      go_on.get_future().wait();
    }
    return DiskStatus::IOError("EIO");
  });
  // A commit may have to wait for the very flush that waits here: nobody waits for its answer then.
  auto flushing = begun.get_future();
  const auto flushes = [&] {
    return flushing.wait_for(std::chrono::milliseconds(1)) == std::future_status::ready;
  };
  for (int i = 0; !flushes(); ++i) {
    const auto answered = std::make_shared<std::promise<void>>();
    auto answer = answered->get_future();
    life.store->commit({put("k" + std::to_string(i), kAbsent, std::string(10'000, 'x'))},
                       [answered](const std::vector<Outcome>&) { answered->set_value(); });
    while (answer.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready &&
           !flushes()) {
    }
  }
  EXPECT_FALSE(life.over);
  go_on.set_value();
  std::unique_lock lock(life.mutex);
  EXPECT_TRUE(life.ended.wait_for(lock, kPatience, [&] { return life.over.load(); }));
  EXPECT_THAT(life.sentence, HasSubstr("EIO"));
  lock.unlock();
  life.store.reset();
}

TEST(RocksdbDurability, ADiskThatFailsWhileOpeningIsAnAnswer) {
  for (const DiskStatus& failure : {DiskStatus::IOError("EIO"), DiskStatus::NoSpace("ENOSPC")}) {
    for (int operation = 0; operation < 12; ++operation) {
      auto disk = std::make_shared<ForgetfulDisk>();
      std::atomic<int> left = operation;
      disk->set_fault(
          [&](Operation, const std::string&) { return left-- > 0 ? DiskStatus::OK() : failure; });
      Life life(disk);
      EXPECT_FALSE(life.store) << operation;
      EXPECT_FALSE(life.over) << "fatal is for what was promised; here nothing was";
      EXPECT_THAT(std::string(life.status.message()), HasSubstr("/db"));
    }
  }
}

TEST(RocksdbDurabilityDeathTest, TheProcessSaysWhyAndEndsWith70) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto run = [] {
    auto disk = std::make_shared<ForgetfulDisk>();
    RocksdbOptions options;
    options.file_system = std::make_shared<ForgetfulFileSystem>(disk);
    auto store = RocksdbStore::open("/db", options);
    disk->set_fault([](Operation, const std::string&) { return DiskStatus::IOError("EIO"); });
    commit(**store, put("k", kAbsent, "r"));
    std::exit(0);  // answered
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(70), "The store in /db cannot write any more.*EIO");
}

}  // namespace
}  // namespace interlock
