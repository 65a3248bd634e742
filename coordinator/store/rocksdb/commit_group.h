// The commits that share one synced write.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "coordinator/store/rocksdb/database.h"
#include "coordinator/store/store.h"
#include "rocksdb/write_batch.h"

namespace interlock {

struct PendingCommit {
  Batch batch;
  std::function<void(std::vector<Outcome>)> done;
  std::size_t entries = 0;
  std::size_t bytes = 0;

  // Not OK: every entry is answered Failed with it, in its turn; the batch is empty then.
  absl::Status failure;
};

// Commits are compared one after the other with the index, which is changed at once: if the write
// then fails, the process ends and the index with it. Each commit has its own revision.
class CommitGroup {
 public:
  CommitGroup(rocksdb::DB& db, Index& index, Revision& last_revision);

  // False: it names a key that the group has changed, and what stands there cannot be read before
  // the group is written; or the group is large enough.
  bool takes(const PendingCommit& commit) const;
  void add(PendingCommit commit);

  // To be written, also when nothing was applied: a compare is as strong as a write. Null: every
  // commit was refused unread.
  rocksdb::WriteBatch* write_batch();

  // Only when the write is durable.
  void answer();
  std::vector<Change>& changes() { return changes_; }

 private:
  Outcome decide(Entry& entry, Revision revision);
  // Why the entry must not be applied; nothing: what it expects is what stands.
  std::optional<Outcome> compare(const Entry& entry) const;
  void apply(const Entry& entry, Revision revision);
  void remove(const std::string& key, NumberRange range);

  struct Answer {
    std::function<void(std::vector<Outcome>)> done;
    std::vector<Outcome> outcomes;
  };

  rocksdb::DB& db_;
  Index& index_;
  Revision& last_revision_;
  rocksdb::WriteBatch writes_;
  bool compared_ = false;
  std::size_t bytes_ = 0;
  absl::flat_hash_set<std::string> changed_keys_;
  std::vector<Change> changes_;
  std::vector<Answer> answers_;
};

}  // namespace interlock
