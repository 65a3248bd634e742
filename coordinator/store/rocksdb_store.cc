#include "coordinator/store/rocksdb_store.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "coordinator/store/rocksdb/change_feed.h"
#include "coordinator/store/rocksdb/commit_group.h"
#include "coordinator/store/rocksdb/database.h"
#include "coordinator/store/rocksdb/reading.h"

namespace interlock {
namespace {

constexpr std::size_t kQueueBytesMax = 64 * 1024 * 1024;
constexpr std::size_t kQueueCommitsMax = 65'536;
constexpr std::size_t kQueueReadsMax = 65'536;

absl::Status ended() { return absl::UnavailableError("The store has ended: its disk failed."); }

struct NewWatch {
  Position from;
  FeedSink sink;
};

}  // namespace

class RocksdbStore::Threads {
 public:
  Threads(Database database, bool sync)
      : database_(std::move(database)),
        sync_(sync),
        feed_(*database_.db, database_.last_revision),
        committer_([this] { run_committer(); }),
        reader_([this] { run_reader(); }) {}

  ~Threads() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    to_commit_.notify_one();
    to_read_.notify_one();
    committer_.join();
    reader_.join();
  }

  void commit(PendingCommit commit) {
    {
      std::lock_guard lock(mutex_);
      const bool full =
          queued_bytes_ + commit.bytes > kQueueBytesMax || commits_.size() >= kQueueCommitsMax;
      if (full && commit.failure.ok()) {
        commit.failure = absl::ResourceExhaustedError("The store's queue of commits is full.");
      }
      if (!commit.failure.ok()) {
        commit.batch = {};
        commit.bytes = 0;
      }
      queued_bytes_ += commit.bytes;
      commits_.push_back(std::move(commit));
    }
    to_commit_.notify_one();
  }

  void watch(Position from, FeedSink sink) {
    {
      std::lock_guard lock(mutex_);
      new_watch_ = NewWatch{from, std::move(sink)};
    }
    to_commit_.notify_one();
  }

  // `work` is handed the reason when it must not read.
  void read(std::function<void(rocksdb::DB& db, absl::Status status)> work) {
    {
      std::lock_guard lock(mutex_);
      absl::Status status;
      if (reads_.size() >= kQueueReadsMax) {
        status = absl::ResourceExhaustedError("The store's queue of reads is full.");
      }
      reads_.push_back({std::move(work), std::move(status)});
    }
    to_read_.notify_one();
  }

 private:
  struct PendingRead {
    std::function<void(rocksdb::DB& db, absl::Status status)> work;
    absl::Status status;
  };

  void run_committer() {
    std::unique_lock lock(mutex_);
    for (;;) {
      to_commit_.wait(lock, [this] { return stopping_ || !commits_.empty() || new_watch_; });
      if (commits_.empty() && !new_watch_) return;
      std::deque<PendingCommit> commits = std::exchange(commits_, {});
      std::optional<NewWatch> new_watch = std::exchange(new_watch_, std::nullopt);
      queued_bytes_ = 0;
      lock.unlock();
      if (new_watch && !database_.gate->ended()) {
        feed_.watch(new_watch->from, std::move(new_watch->sink));
      }
      while (!commits.empty() && !database_.gate->ended()) commit_some(commits);
      commits.clear();
      lock.lock();
    }
  }

  // Natural batching: what came while the last group was being synced is the next one.
  void commit_some(std::deque<PendingCommit>& commits) {
    CommitGroup group(*database_.db, database_.index, database_.last_revision);
    while (!commits.empty() && group.takes(commits.front())) {
      group.add(std::move(commits.front()));
      commits.pop_front();
    }
    if (rocksdb::WriteBatch* writes = group.write_batch()) {
      rocksdb::WriteOptions options;
      options.sync = sync_;
      const rocksdb::Status s = database_.db->Write(options, writes);
      if (!s.ok()) database_.gate->end(s.ToString());
    }
    database_.gate->unless_ended([&] {
      group.answer();
      feed_.show(std::move(group.changes()));
    });
  }

  void run_reader() {
    std::unique_lock lock(mutex_);
    for (;;) {
      to_read_.wait(lock, [this] { return stopping_ || !reads_.empty(); });
      if (reads_.empty()) return;
      PendingRead read = std::move(reads_.front());
      reads_.pop_front();
      lock.unlock();
      if (database_.gate->ended()) read.status = ended();
      read.work(*database_.db, std::move(read.status));
      read.work = nullptr;
      lock.lock();
    }
  }

  Database database_;  // its index and its last revision belong to the committer
  const bool sync_;
  ChangeFeed feed_;  // the committer's

  std::mutex mutex_;
  std::condition_variable to_commit_;
  std::condition_variable to_read_;
  std::deque<PendingCommit> commits_;
  std::size_t queued_bytes_ = 0;
  std::optional<NewWatch> new_watch_;
  std::deque<PendingRead> reads_;
  bool stopping_ = false;

  std::thread committer_;
  std::thread reader_;
};

absl::StatusOr<std::unique_ptr<RocksdbStore>> RocksdbStore::open(const std::string& directory,
                                                                 RocksdbOptions options) {
  absl::StatusOr<Database> database = open_database(directory, options);
  if (!database.ok()) return database.status();
  auto threads = std::make_unique<Threads>(*std::move(database), options.sync);
  return std::unique_ptr<RocksdbStore>(new RocksdbStore(std::move(threads)));
}

RocksdbStore::RocksdbStore(std::unique_ptr<Threads> threads) : threads_(std::move(threads)) {}
RocksdbStore::~RocksdbStore() = default;

StoreLimits RocksdbStore::limits() const { return {}; }

void RocksdbStore::load(LoadSink sink) {
  threads_->read([sink = std::move(sink)](rocksdb::DB& db, absl::Status status) {
    if (!status.ok()) return sink.done(std::move(status));
    sink.done(load_records(db, sink));
  });
}

void RocksdbStore::watch(Position from, FeedSink sink) { threads_->watch(from, std::move(sink)); }

void RocksdbStore::commit(Batch batch, std::function<void(std::vector<Outcome>)> done) {
  PendingCommit commit;
  commit.failure = check_batch(batch, limits());
  commit.entries = batch.size();
  for (const Entry& entry : batch) commit.bytes += entry_bytes(entry);
  commit.batch = std::move(batch);
  commit.done = std::move(done);
  threads_->commit(std::move(commit));
}

void RocksdbStore::read(
    std::vector<ReadRequest> requests,
    std::function<void(absl::StatusOr<std::vector<std::vector<Attachment>>>)> done) {
  threads_->read([requests = std::move(requests), done = std::move(done)](rocksdb::DB& db,
                                                                          absl::Status status) {
    if (!status.ok()) return done(std::move(status));
    done(read_attachments(db, requests));
  });
}

}  // namespace interlock
