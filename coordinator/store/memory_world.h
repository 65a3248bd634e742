// What all memory stores of one world share: the records, the attachments and the feed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/store/store.h"

namespace interlock {

// No thread, clock or randomness. Everything here runs where the scheduler of its stores runs.
class MemoryWorld {
 public:
  struct Record {
    Versioned now;
    std::map<std::uint64_t, std::string> attachments;
  };
  using Records = std::map<std::string, Record>;

  // A feed position is lost when `feed_changes_max` later changes have been made.
  explicit MemoryWorld(std::size_t feed_changes_max = 65'536);

  // Applied or refused, for each entry. What one batch applies shares one revision.
  std::vector<Outcome> apply(const Batch& batch);

  std::vector<Attachment> read(const ReadRequest& request) const;
  const Records& records() const { return records_; }
  Revision last_revision() const { return last_revision_; }
  Position position() const { return {last_revision_}; }

  // What was changed behind `from`, up to `through`; nothing when `from` is lost.
  std::optional<std::vector<Change>> changes(Position from, Position through) const;

  // Every position so far but the present one is lost.
  void forget_feed();

  // Called for each entry that was applied and wrote something, when it is.
  void observe(std::function<void(const Entry& entry, Revision revision)> observer);

  // `grown` is called after each batch that changed something, until `alive` has gone.
  void subscribe(std::weak_ptr<void> alive, std::function<void()> grown);

 private:
  struct Subscriber {
    std::weak_ptr<void> alive;
    std::function<void()> grown;
  };

  Outcome apply(const Entry& entry, Revision revision, bool& changed);
  void remember(Change change);
  void tell();

  const std::size_t feed_changes_max_;
  Records records_;
  Revision last_revision_ = kAbsent;
  std::deque<Change> feed_;        // in the order of revisions
  Revision feed_lost_ = kAbsent;   // changes up to here may be missing from it
  std::function<void(const Entry&, Revision)> observer_;
  std::vector<Subscriber> subscribers_;
};

}  // namespace interlock
