// What a disk has garbled is refused, whatever byte of whatever file it is.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "coordinator/store/rocksdb/log_check.h"
#include "coordinator/store/rocksdb_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/coordinator/store/blocking.h"
#include "tests/coordinator/store/forgetful_file_system.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using Disk = std::shared_ptr<ForgetfulDisk>;

absl::StatusOr<std::unique_ptr<RocksdbStore>> open(const Disk& disk) {
  RocksdbOptions options;
  options.file_system = std::make_shared<ForgetfulFileSystem>(disk);
  options.on_fatal = [](const std::string& sentence) { ADD_FAILURE() << sentence; };
  return RocksdbStore::open("/db", options);
}

struct Contents {
  std::map<std::string, Versioned> records;
  std::vector<std::vector<Attachment>> attachments;
  bool operator==(const Contents&) const = default;
};

absl::StatusOr<Contents> contents(Store& store) {
  auto loaded = load(store);
  if (!loaded.ok()) return loaded.status();
  std::vector<ReadRequest> requests;
  for (const auto& [key, record] : loaded->records) requests.push_back({key, 0, 1000});
  auto attachments = read(store, requests);
  if (!attachments.ok()) return attachments.status();
  return Contents{std::move(loaded->records), *std::move(attachments)};
}

// Records and attachments in a table, in the manifest's keeping, and behind them more in the log.
struct Healthy {
  Healthy(int records, std::size_t record_bytes) : disk(std::make_shared<ForgetfulDisk>()) {
    for (int life = 0; life < 3; ++life) {
      const auto store = *open(disk);  // what the life before left in its log goes to a table
      for (int i = 0; i < records; ++i) {
        const std::string key = "k" + std::to_string(life) + "-" + std::to_string(i);
        commit(*store, put(key, kAbsent, key + std::string(record_bytes, '.'),
                           {{1, "one"}, {2, std::string(record_bytes / 2, '-')}}));
      }
      expected = *contents(*store);
    }
  }

  // Seen on a copy, so that the next look finds the same files.
  bool is_intact(const Disk& copy, std::string* refusal) const {
    const auto store = open(copy);
    const auto found = store.ok() ? contents(**store) : store.status();
    *refusal = std::string(found.status().message());
    return found.ok() && *found == expected;
  }

  std::string path_of(const std::string& part) const {
    std::string found;
    for (const std::string& path : disk->files()) {
      if (path.find(part) != std::string::npos && disk->contents(path).size() > 0) found = path;
    }
    return found;
  }

  Disk disk;
  Contents expected;
};

std::uint64_t seed_of_this_run() {
  const char* given = std::getenv("INTERLOCK_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

// Flips every bit of the file, or that many of them if there are more.
void expect_no_flip_goes_unseen(const Healthy& healthy, const std::string& path,
                                std::size_t flips) {
  std::mt19937_64 random(seed_of_this_run());
  const std::string bytes = healthy.disk->contents(path);
  const std::size_t bits = bytes.size() * 8;
  const std::size_t turns = std::min(bits, flips);
  std::size_t refused = 0;
  for (std::size_t turn = 0; turn < turns; ++turn) {
    const std::size_t bit = turns == bits ? turn : random() % bits;
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    const Disk copy = healthy.disk->copy();
    copy->overwrite(path, flipped);
    std::string refusal;
    const bool intact = healthy.is_intact(copy, &refusal);
    ASSERT_FALSE(refusal.empty()) << path << ": bit " << bit % 8 << " of byte " << bit / 8
                                  << " was flipped, and "
                                  << (intact ? "nobody noticed" : "something is gone");
    ASSERT_THAT(refusal, HasSubstr("/db"));
    ++refused;
  }
  std::cout << path << ": " << bytes.size() << " bytes, " << turns << " bits flipped, " << refused
            << " refused\n";
  count("durability.flipped_bits", turns);
  EXPECT_EQ(refused, turns);
}

TEST(RocksdbDamage, NoFileOfTheStoreIsOfAKindThatIsNotLookedAt) {
  const Healthy healthy(40, 100);
  for (const std::string& path : healthy.disk->files()) {
    if (healthy.disk->contents(path).empty()) continue;
    expect_no_flip_goes_unseen(healthy, path, 100);
  }
}

TEST(RocksdbDamage, AFlippedBitInTheLogIsRefused) {
  const Healthy small(4, 30);
  expect_no_flip_goes_unseen(small, small.path_of(".log"), 10'000);
  const Healthy large(40, 2500);  // blocks and pieces of records
  expect_no_flip_goes_unseen(large, large.path_of(".log"), full() ? 20'000 : 1000);
}

TEST(RocksdbDamage, AFlippedBitInATableIsRefused) {
  const Healthy healthy(40, 100);
  expect_no_flip_goes_unseen(healthy, healthy.path_of(".sst"), full() ? 100'000 : 1000);
}

TEST(RocksdbDamage, AFlippedBitInTheManifestIsRefused) {
  const Healthy healthy(4, 30);
  expect_no_flip_goes_unseen(healthy, healthy.path_of("MANIFEST"), 10'000);
}

TEST(RocksdbDamage, AFlippedBitInTheFileThatNamesTheManifestIsRefused) {
  const Healthy healthy(4, 30);
  expect_no_flip_goes_unseen(healthy, healthy.path_of("CURRENT"), 1000);
}

TEST(RocksdbDamage, AMissingFileIsRefused) {
  const Healthy healthy(40, 100);
  for (const char* part : {"CURRENT", "MANIFEST", ".sst"}) {
    const Disk copy = healthy.disk->copy();
    copy->forget(healthy.path_of(part));
    const auto store = open(copy);
    EXPECT_FALSE(store.ok()) << part;
    EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << store.status();
    EXPECT_THAT(std::string(store.status().message()), HasSubstr("Restore /db from a backup"));
  }
}

// RocksDB would begin anew here, and clear the tables out.
TEST(RocksdbDamage, TablesWithoutAnythingThatNamesThemAreRefused) {
  const Healthy healthy(40, 100);
  for (const std::string& path : healthy.disk->files()) {
    if (!path.ends_with(".sst")) healthy.disk->forget(path);
  }
  EXPECT_THAT(std::string(open(healthy.disk).status().message()),
              HasSubstr("the file CURRENT is missing"));
}

// Its number says that everything in it has gone to a table long ago.
TEST(RocksdbDamage, ALogUnderTheNameOfAnOldOneIsRefused) {
  const Healthy healthy(4, 30);
  const std::string path = healthy.path_of(".log");
  healthy.disk->overwrite("/db/000001.log", healthy.disk->contents(path));
  healthy.disk->forget(path);
  EXPECT_THAT(std::string(open(healthy.disk).status().message()),
              HasSubstr("recovery stopped before the end of its log"));
}

// The last write was under way when the power went; everything before it was synced.
TEST(RocksdbDamage, ATornTailIsCutOff) {
  const Healthy healthy(4, 30);
  const std::string path = healthy.path_of(".log");
  const std::string bytes = healthy.disk->contents(path);
  Contents before_last = healthy.expected;
  before_last.records.erase("k2-3");
  before_last.attachments.pop_back();
  std::size_t torn = 0;
  for (std::size_t cut = 1; cut < 60; ++cut) {
    const Disk copy = healthy.disk->copy();
    copy->overwrite(path, bytes.substr(0, bytes.size() - cut));
    ASSERT_GT(check_log(copy->contents(path)).torn_bytes, 0U) << cut;
    const auto store = open(copy);
    ASSERT_TRUE(store.ok()) << "without the last " << cut << " bytes: " << store.status();
    ASSERT_EQ(*contents(**store), before_last) << cut;
    ASSERT_TRUE(std::holds_alternative<Applied>(commit(**store, put("new", kAbsent, "r"))));
    ++torn;
  }
  count("durability.torn_tails", torn);
}

}  // namespace
}  // namespace interlock
