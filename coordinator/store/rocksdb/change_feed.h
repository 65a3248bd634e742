// Shows the watcher what this store commits, and what it committed lately.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/store/store.h"
#include "rocksdb/db.h"

namespace interlock {

// Positions are revisions. Which keys were changed lately is remembered, so that a watch can begin
// where a load ended; what they hold is not: the last state is in the database, and those in
// between may be skipped. Belongs to the committing thread.
class ChangeFeed {
 public:
  // Positions before `begin` are lost.
  ChangeFeed(rocksdb::DB& db, Revision begin);

  void watch(Position from, FeedSink sink);

  // What was just made durable, in the order of revisions.
  void show(std::vector<Change> changes);

 private:
  struct Item {
    std::string key;
    Revision revision = kAbsent;
    bool deleted = false;
  };

  void remember(const std::vector<Change>& changes);
  std::vector<Item> after(Position from) const;
  absl::StatusOr<Change> read(const Item& item) const;
  absl::Status catch_up(Position from);

  rocksdb::DB& db_;
  std::deque<Item> items_;
  Revision lost_;  // changes up to here may be missing
  Revision last_;
  std::optional<FeedSink> sink_;
};

}  // namespace interlock
