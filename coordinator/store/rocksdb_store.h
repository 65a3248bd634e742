// The embedded store: one coordinator, one directory, every answer synced to its disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/store/store.h"

namespace rocksdb {
class FileSystem;
}

namespace interlock {

struct RocksdbOptions {
  // Called once, with a sentence, when a write or an fsync has failed: what is under way is then
  // answered to nobody. Empty: the sentence goes to stderr and the process ends with status 70.
  // When it returns, as only a test's does, the store answers nothing more but failed reads.
  std::function<void(const std::string& sentence)> on_fatal;

  std::size_t write_buffer_bytes = 16 * 1024 * 1024;

  // For tests. Without `sync` an answer means nothing after a power cut: it shows that the test
  // which cuts the power would notice.
  std::shared_ptr<rocksdb::FileSystem> file_system;
  bool sync = true;
  std::uint64_t (*key_hash)(std::string_view key) = nullptr;  // for revisions; null: our own
};

// One thread commits: it takes all that waits, compares it with what it knows (nobody else
// writes), writes one batch, syncs it once, and only then answers. Another one reads and loads, so
// that no reader waits for a disk that syncs. A commit that finds the queue full is answered
// Failed. The destructor commits and answers what waits.
//
// Limits: the revision of every record and its attachments' numbers are kept in memory; opening
// reads everything, to know that all of it is readable, and refuses what is damaged in any byte;
// that a whole log file was taken away is not noticed. A feed position is lost when 65,536 later
// changes have been made, or with a restart.
class RocksdbStore final : public Store {
 public:
  // The directory is made when only its last part is missing. One process at a time can open it.
  static absl::StatusOr<std::unique_ptr<RocksdbStore>> open(const std::string& directory,
                                                            RocksdbOptions options = {});
  ~RocksdbStore() override;
  RocksdbStore(const RocksdbStore&) = delete;
  RocksdbStore& operator=(const RocksdbStore&) = delete;

  StoreLimits limits() const override;
  bool single_writer() const override { return true; }
  void load(LoadSink sink) override;
  void watch(Position from, FeedSink sink) override;
  void commit(Batch batch, std::function<void(std::vector<Outcome>)> done) override;
  void read(
      std::vector<ReadRequest> requests,
      std::function<void(absl::StatusOr<std::vector<std::vector<Attachment>>>)> done) override;

 private:
  class Threads;
  explicit RocksdbStore(std::unique_ptr<Threads> threads);
  std::unique_ptr<Threads> threads_;
};

}  // namespace interlock
