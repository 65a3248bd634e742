// What a disk has garbled is refused, whatever byte of whatever file it is.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
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
struct Flips {
  Flips(const Healthy& of, std::string file, std::size_t most, std::uint64_t random_seed)
      : healthy(of), path(std::move(file)), bytes(of.disk->contents(path)), seed(random_seed) {
    turns = std::min(bytes.size() * 8, most);
  }

  void expect_refused(std::size_t turn) const {
    const std::size_t bits = bytes.size() * 8;
    const std::size_t bit = turns == bits ? turn : std::mt19937_64(seed + turn)() % bits;
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
  }

  const Healthy& healthy;
  std::string path;
  std::string bytes;
  std::uint64_t seed;
  std::size_t turns = 0;
};

// RocksDB reads one block of a table before it compares the block's checksum, and as Debian builds
// it, it then ends the process over what one bit of that block says. That is no answer for people,
// but nothing is believed either; so tables are judged in another process, which goes on behind the
// flip that ended the one before. It runs the same test, up to the same call.
struct OtherProcess {
  static constexpr int kThrough = 42;  // how it ends when it has judged every flip
  static inline const testing::TestInfo* test = nullptr;
  static inline int calls = 0;  // of expect_no_flip_goes_unseen, in this test

  static void called() {
    const auto* now = testing::UnitTest::GetInstance()->current_test_info();
    if (std::exchange(test, now) != now) calls = 0;
    ++calls;
  }

  // "CALL FROM SEED FILE", in the process that judges.
  static const char* task() { return std::getenv("INTERLOCK_FLIPS"); }

  static void judge(const Healthy& healthy, const std::string& path, std::size_t most) {
    std::istringstream words(task());
    int call = 0;
    std::size_t from = 0;
    std::uint64_t seed = 0;
    std::string progress;
    words >> call >> from >> seed >> progress;
    if (call != calls) return;
    const Flips flips(healthy, path, most, seed);
    for (std::size_t turn = from; turn < flips.turns && !testing::Test::HasFailure(); ++turn) {
      std::ofstream(progress) << turn;
      flips.expect_refused(turn);
    }
    std::_Exit(testing::Test::HasFailure() ? 1 : kThrough);
  }

  // The flip at which the judge was ended, or nothing when it was through.
  static std::optional<std::size_t> run(std::size_t from, std::uint64_t seed) {
    const std::string progress = testing::TempDir() + "flips-" + std::to_string(getpid());
    const std::string command =
        "INTERLOCK_FLIPS='" + std::to_string(calls) + " " + std::to_string(from) + " " +
        std::to_string(seed) + " " + progress + "' exec /proc/" + std::to_string(getpid()) +
        "/exe --gtest_filter=" + test->test_suite_name() + "." + test->name();
    const int status = std::system(command.c_str());
    std::size_t reached = 0;
    std::ifstream(progress) >> reached;
    std::remove(progress.c_str());
    if (WIFEXITED(status) && WEXITSTATUS(status) == kThrough) return std::nullopt;
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << command << ": " << status;
    return reached;
  }
};

void expect_no_flip_goes_unseen(const Healthy& healthy, const std::string& path,
                                std::size_t most) {
  OtherProcess::called();
  if (OtherProcess::task() != nullptr) return OtherProcess::judge(healthy, path, most);
  const Flips flips(healthy, path, most, seed_of_this_run());
  std::size_t ended = 0;
  if (path.ends_with(".sst")) {
    std::size_t from = 0;
    while (from < flips.turns && !testing::Test::HasFailure()) {
      const auto reached = OtherProcess::run(from, flips.seed);
      if (!reached) break;
      from = *reached + 1;
      ASSERT_LE(++ended, 1 + flips.turns / 1000) << path << ": RocksDB ends the process too often";
    }
  } else {
    for (std::size_t turn = 0; turn < flips.turns && !testing::Test::HasFailure(); ++turn) {
      flips.expect_refused(turn);
    }
  }
  std::cout << path << ": " << flips.bytes.size() << " bytes, " << flips.turns
            << " bits flipped, all but " << ended << " refused in our words\n";
  count("durability.flipped_bits", flips.turns);
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
