#include "coordinator/store/rocksdb/change_feed.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "coordinator/store/rocksdb/database.h"
#include "coordinator/store/rocksdb/layout.h"

namespace interlock {
namespace {

constexpr std::size_t kItemsMax = 65'536;
constexpr std::size_t kDeliveryChanges = 1024;

}  // namespace

ChangeFeed::ChangeFeed(rocksdb::DB& db, Revision begin) : db_(db), lost_(begin), last_(begin) {}

void ChangeFeed::watch(Position from, FeedSink sink) {
  sink_ = std::move(sink);
  absl::Status caught_up = catch_up(from);
  if (caught_up.ok()) return;
  sink_->resync(std::move(caught_up));
  sink_.reset();
}

void ChangeFeed::show(std::vector<Change> changes) {
  if (changes.empty()) return;
  remember(changes);
  if (sink_) sink_->changes(std::move(changes), Position{last_});
}

void ChangeFeed::remember(const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    items_.push_back({change.key, change.revision, !change.bytes});
    last_ = change.revision;
  }
  while (items_.size() > kItemsMax) {
    lost_ = items_.front().revision;
    items_.pop_front();
  }
}

// Every deletion, and the last state of every key.
std::vector<ChangeFeed::Item> ChangeFeed::after(Position from) const {
  std::vector<Item> found;
  std::unordered_set<std::string_view> later_ones;
  for (auto item = items_.rbegin(); item != items_.rend() && item->revision > from.value; ++item) {
    const bool last = later_ones.insert(item->key).second;
    if (last || item->deleted) found.push_back(*item);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

absl::StatusOr<Change> ChangeFeed::read(const Item& item) const {
  if (item.deleted) return Change{item.key, item.revision, std::nullopt};
  std::string bytes;
  const rocksdb::Status s = db_.Get({}, record_key(item.key), &bytes);
  if (!s.ok()) return explain(s, db_.GetName());
  std::optional<Versioned> record = decode_record(bytes);
  if (!record) return absl::DataLossError("A record has no revision.");
  return Change{item.key, record->revision, std::move(record->bytes)};
}

absl::Status ChangeFeed::catch_up(Position from) {
  if (from.value < lost_) return absl::DataLossError("The feed no longer reaches back so far.");
  if (from.value > last_) return absl::DataLossError("The position is from another store's feed.");
  std::vector<Change> changes;
  for (const Item& item : after(from)) {
    // A position is reached when all changes of its revision have been shown.
    if (changes.size() >= kDeliveryChanges && item.revision > changes.back().revision) {
      const Position through{changes.back().revision};
      sink_->changes(std::exchange(changes, {}), through);
    }
    absl::StatusOr<Change> change = read(item);
    if (!change.ok()) return change.status();
    changes.push_back(*std::move(change));
  }
  if (!changes.empty()) sink_->changes(std::move(changes), Position{last_});
  return absl::OkStatus();
}

}  // namespace interlock
