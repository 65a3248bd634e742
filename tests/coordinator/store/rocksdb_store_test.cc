#include "coordinator/store/rocksdb_store.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>

#include "coordinator/store/rocksdb/layout.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"
#include "tests/coordinator/store/blocking.h"
#include "tests/coordinator/store/forgetful_file_system.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using Operation = ForgetfulDisk::Operation;
using DiskStatus = rocksdb::IOStatus;

std::string message(const absl::Status& status) { return std::string(status.message()); }

// --- Opening -------------------------------------------------------------------------------------

TEST(RocksdbStore, OneProcessAtATime) {
  const ScratchDirectory scratch;
  const std::string directory = scratch.path() + "/db";
  ASSERT_TRUE(RocksdbStore::open(directory).ok());
  int ready[2];
  int end[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(end), 0);
  const pid_t other = fork();
  if (other == 0) {  // holds the lock that RocksDB takes
    const int file = ::open((directory + "/LOCK").c_str(), O_RDWR);
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    const char byte = fcntl(file, F_SETLK, &lock) == 0 ? 'y' : 'n';
    char ignored;
    const bool told = ::write(ready[1], &byte, 1) == 1 && ::read(end[0], &ignored, 1) >= 0;
    _exit(told ? 0 : 1);
  }
  char locked = 'n';
  ASSERT_EQ(::read(ready[0], &locked, 1), 1);
  ASSERT_EQ(locked, 'y');

  const auto store = RocksdbStore::open(directory);

  EXPECT_EQ(store.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(message(store.status()), HasSubstr("held by another process"));
  EXPECT_THAT(message(store.status()), HasSubstr("fuser " + directory + "/LOCK"));
  ASSERT_EQ(::write(end[1], "x", 1), 1);
  int status = 0;
  waitpid(other, &status, 0);
  EXPECT_TRUE(RocksdbStore::open(directory).ok()) << "the lock goes with its process";
}

TEST(RocksdbStore, TheSameProcessCannotOpenItTwiceEither) {
  const ScratchDirectory scratch;
  const auto first = RocksdbStore::open(scratch.path() + "/db");
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(RocksdbStore::open(scratch.path() + "/db").ok());
}

TEST(RocksdbStore, WhatIsNoDirectoryIsSaid) {
  const ScratchDirectory scratch;
  std::ofstream(scratch.path() + "/file") << "x";
  for (const std::string& path :
       {scratch.path() + "/none/db", scratch.path() + "/file", scratch.path() + "/file/db"}) {
    const auto store = RocksdbStore::open(path);
    EXPECT_FALSE(store.ok()) << path;
    EXPECT_THAT(message(store.status()), HasSubstr(path));
  }
}

// Writes into the database as another program would.
void write_raw(const std::shared_ptr<ForgetfulDisk>& disk, std::string_view key,
               const std::string& value) {
  const auto env = rocksdb::NewCompositeEnv(std::make_shared<ForgetfulFileSystem>(disk));
  rocksdb::Options options;
  options.env = env.get();
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, "/db", &db).ok());
  const std::unique_ptr<rocksdb::DB> owned(db);
  ASSERT_TRUE(db->Put({}, key, value).ok());
}

absl::StatusOr<std::unique_ptr<RocksdbStore>> open_on(const std::shared_ptr<ForgetfulDisk>& disk) {
  RocksdbOptions options;
  options.file_system = std::make_shared<ForgetfulFileSystem>(disk);
  options.on_fatal = [](const std::string& sentence) { ADD_FAILURE() << sentence; };
  return RocksdbStore::open("/db", options);
}

TEST(RocksdbStore, ANewerFormatIsRefused) {
  const auto disk = std::make_shared<ForgetfulDisk>();
  ASSERT_TRUE(open_on(disk).ok());
  write_raw(disk, kFormatKey, encode_number(kRocksdbFormat + 1));
  const auto store = open_on(disk);
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(message(store.status()), HasSubstr("newer version (format 2, this one knows 1)"));
}

TEST(RocksdbStore, ADatabaseOfSomebodyElseIsRefused) {
  const auto disk = std::make_shared<ForgetfulDisk>();
  write_raw(disk, "their key", "their value");
  const auto store = open_on(disk);
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(message(store.status()), HasSubstr("not a store of Interlock's"));
}

TEST(RocksdbStore, WhatContradictsItselfIsRefused) {
  const std::pair<std::string, std::string> wrong[] = {
      {attachment_key("nobody", 1), "x"},
      {record_key("k"), encode_record(4711, "from the future")},
      {record_key("k"), "short"},
      {"a?", "x"},
      {"zzz", "x"},
      {std::string(kRevisionKey), "short"},
      {std::string(kFormatKey), "short"}};
  for (const auto& [key, value] : wrong) {
    const auto disk = std::make_shared<ForgetfulDisk>();
    ASSERT_TRUE(open_on(disk).ok());
    write_raw(disk, key, value);
    EXPECT_EQ(open_on(disk).status().code(), absl::StatusCode::kDataLoss) << key;
  }
}

TEST(RocksdbStore, AMissingPermissionIsSaid) {
  const auto disk = std::make_shared<ForgetfulDisk>();
  disk->set_fault([](Operation, const std::string& path) {
    return DiskStatus::IOError(path, "Permission denied");
  });
  EXPECT_EQ(open_on(disk).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(message(open_on(disk).status()), HasSubstr("the right to read and write it"));
}

// --- Committing ----------------------------------------------------------------------------------

// A disk whose syncs of the log wait until they are let go.
class SlowDisk : public testing::Test {
 protected:
  void SetUp() override {
    store_ = *open_on(disk_);
    disk_->set_fault([this](Operation operation, const std::string& path) {
      if (operation == Operation::kSync && path.ends_with(".log")) wait_here();
      return DiskStatus::OK();
    });
  }
  void TearDown() override {
    let_go();
    store_.reset();
    disk_->set_fault(nullptr);
  }

  void wait_here() {
    std::unique_lock lock(mutex_);
    ++syncs_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return let_go_; });
  }
  void wait_for_sync() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kPatience, [this] { return syncs_ > 0; }));
  }
  void let_go() {
    std::lock_guard lock(mutex_);
    let_go_ = true;
    changed_.notify_all();
  }
  void commit_and_count(Entry entry) {
    store_->commit({std::move(entry)}, [this](std::vector<Outcome> outcomes) {
      ++answered_;
      if (std::holds_alternative<Failed>(outcomes.front())) ++failed_;
    });
  }

  const std::shared_ptr<ForgetfulDisk> disk_ = std::make_shared<ForgetfulDisk>();
  std::mutex mutex_;
  std::condition_variable changed_;
  int syncs_ = 0;
  bool let_go_ = false;
  std::atomic<int> answered_ = 0;
  std::atomic<int> failed_ = 0;
  std::unique_ptr<RocksdbStore> store_;
};

TEST_F(SlowDisk, NothingIsAnsweredOrShownBeforeItIsSynced) {
  FeedLog feed;
  store_->watch({0}, feed.sink());
  commit_and_count(put("k", kAbsent, "r"));
  commit_and_count(compare("other", kAbsent));
  wait_for_sync();
  EXPECT_TRUE(load(*store_)->records.empty());
  EXPECT_EQ(answered_, 0);
  EXPECT_TRUE(feed.changes().empty());
  let_go();
  store_.reset();
  EXPECT_EQ(answered_, 2);
  EXPECT_EQ(feed.changes().size(), 1U);
}

TEST_F(SlowDisk, AComparisonIsSyncedToo) {
  commit_and_count(compare("k", kAbsent));
  wait_for_sync();
  EXPECT_EQ(answered_, 0);
}

TEST_F(SlowDisk, ARefusalIsSyncedToo) {
  commit_and_count(put("k", 4711, "r"));
  wait_for_sync();
  EXPECT_EQ(answered_, 0);
}

TEST_F(SlowDisk, ReadersDoNotWaitForIt) {
  commit_and_count(put("k", kAbsent, "r"));
  wait_for_sync();
  EXPECT_TRUE(load(*store_).ok());
  EXPECT_TRUE(read(*store_, {{"k", 0, 10}}).ok());
  EXPECT_EQ(answered_, 0);
}

TEST_F(SlowDisk, WhatComesMeanwhileSharesTheNextSync) {
  commit_and_count(put("first", kAbsent, "r"));
  wait_for_sync();
  for (int i = 0; i < 500; ++i) commit_and_count(put("k" + std::to_string(i), kAbsent, "r"));
  let_go();
  store_.reset();
  EXPECT_EQ(answered_, 501);
  EXPECT_EQ(failed_, 0);
  EXPECT_EQ(syncs_, 2);
}

TEST_F(SlowDisk, AFullQueueIsAnsweredFailed) {
  commit_and_count(put("first", kAbsent, "r"));
  wait_for_sync();
  const std::string half_a_megabyte(500 * 1024, 'x');
  for (int i = 0; i < 200; ++i) commit_and_count(put("k" + std::to_string(i), 1, half_a_megabyte));
  let_go();
  store_.reset();
  EXPECT_EQ(answered_, 201);
  EXPECT_GT(failed_, 50);
  EXPECT_LT(failed_, 100);
}

TEST(RocksdbStore, TheDestructorCommitsAndAnswersWhatWaits) {
  const auto disk = std::make_shared<ForgetfulDisk>();
  auto store = *open_on(disk);
  std::atomic<int> applied = 0;
  std::atomic<int> loaded = 0;
  for (int i = 0; i < 1000; ++i) {
    store->commit({put("k" + std::to_string(i), kAbsent, "r")}, [&](std::vector<Outcome> outcomes) {
      applied += std::holds_alternative<Applied>(outcomes.front()) ? 1 : 0;
    });
  }
  store->load({[](std::vector<LoadedRecord>) {}, [&](auto) { ++loaded; }});
  store.reset();
  EXPECT_EQ(applied, 1000);
  EXPECT_EQ(loaded, 1);
}

// --- The feed ------------------------------------------------------------------------------------

Batch many(int count, const std::string& prefix) {
  Batch batch;
  for (int i = 0; i < count; ++i) batch.push_back(put(prefix + std::to_string(i), kAbsent, "r"));
  return batch;
}

TEST(RocksdbStore, AWatchCatchesUpInPiecesThatEndAtARevision) {
  const auto disk = std::make_shared<ForgetfulDisk>();
  auto store = *open_on(disk);
  commit(*store, many(1500, "a"));
  for (int i = 0; i < 1000; ++i) commit(*store, put("b" + std::to_string(i), kAbsent, "r"));
  const auto last = std::get<Applied>(commit(*store, put("c", kAbsent, "r")));
  std::size_t shown = 0;
  std::size_t deliveries = 0;
  bool sound = true;
  std::mutex mutex;
  std::condition_variable changed;
  Position reached;
  store->watch({0}, {[&](std::vector<Change> changes, Position through) {
                       std::lock_guard lock(mutex);
                       shown += changes.size();
                       ++deliveries;
                       sound = sound && reached < through;
                       for (const Change& each : changes) {
                         sound = sound && each.revision > reached.value &&
                                 each.revision <= through.value;
                       }
                       reached = through;
                       changed.notify_all();
                     },
                     {}});
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return reached >= last.at; });
  }
  store.reset();
  EXPECT_EQ(shown, 2501U);
  EXPECT_GT(deliveries, 1U);
  EXPECT_TRUE(sound);
}

TEST(RocksdbStore, APositionIsLostAfter65536LaterChanges) {
  const auto disk = std::make_shared<ForgetfulDisk>();
  const auto store = *open_on(disk);
  commit(*store, put("first", kAbsent, "r"));
  for (int i = 0; i < 16; ++i) commit(*store, many(4096, std::to_string(i) + "-"));
  FeedLog still_there;
  store->watch({1}, still_there.sink());
  commit(*store, put("second", kAbsent, "r"));
  const auto third = std::get<Applied>(commit(*store, put("third", kAbsent, "r")));
  EXPECT_TRUE(still_there.reach(third.at));
  EXPECT_EQ(still_there.changes().size(), 16U * 4096U + 2U);
  FeedLog lost;
  store->watch({1}, lost.sink());
  EXPECT_FALSE(lost.wait_for_resync().ok());
}

TEST(RocksdbStore, APositionOfAnotherStoreIsLost) {
  const auto disk = std::make_shared<ForgetfulDisk>();
  const auto store = *open_on(disk);
  FeedLog feed;
  store->watch({4711}, feed.sink());
  EXPECT_FALSE(feed.wait_for_resync().ok());
}

}  // namespace
}  // namespace interlock
