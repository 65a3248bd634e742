#include "coordinator/store/rocksdb/commit_group.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <utility>

#include "coordinator/store/rocksdb/layout.h"

namespace interlock {
namespace {

constexpr std::size_t kGroupBytesMax = 4 * 1024 * 1024;

// The places of the entries in the order of their keys: RocksDB looks for a key's place from that
// of the one before it (see rocksdb_options), so neighbours should follow each other.
std::vector<std::size_t> by_key(const Batch& batch) {
  std::vector<std::size_t> order(batch.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::string_view(batch[i].key); });
  return order;
}

}  // namespace

CommitGroup::CommitGroup(rocksdb::DB& db, Index& index, Revision& last_revision)
    : db_(db), index_(index), last_revision_(last_revision) {}

bool CommitGroup::takes(const PendingCommit& commit) const {
  if (bytes_ > 0 && bytes_ + commit.bytes > kGroupBytesMax) return false;
  if (changed_keys_.empty()) return true;
  return std::none_of(commit.batch.begin(), commit.batch.end(),
                      [this](const Entry& entry) { return changed_keys_.contains(entry.key); });
}

void CommitGroup::add(PendingCommit commit) {
  if (!commit.failure.ok()) {
    std::vector<Outcome> failed(commit.entries, Failed{std::move(commit.failure)});
    answers_.push_back({std::move(commit.done), std::move(failed)});
    return;
  }
  compared_ = compared_ || !commit.batch.empty();
  bytes_ += commit.bytes;
  const Revision revision = last_revision_ + 1;
  const std::size_t changes_before = changes_.size();
  std::vector<Outcome> outcomes(commit.batch.size());
  for (const std::size_t i : by_key(commit.batch)) outcomes[i] = decide(commit.batch[i], revision);
  if (changes_.size() > changes_before) last_revision_ = revision;
  for (Outcome& outcome : outcomes) {
    if (auto* applied = std::get_if<Applied>(&outcome)) applied->at = {last_revision_};
    if (auto* refused = std::get_if<Refused>(&outcome)) refused->at = {last_revision_};
  }
  answers_.push_back({std::move(commit.done), std::move(outcomes)});
}

rocksdb::WriteBatch* CommitGroup::write_batch() {
  if (!compared_) return nullptr;
  writes_.Put(kRevisionKey, encode_number(last_revision_));
  return &writes_;
}

void CommitGroup::answer() {
  for (Answer& answer : answers_) answer.done(std::move(answer.outcomes));
}

Outcome CommitGroup::decide(Entry& entry, Revision revision) {
  if (std::optional<Outcome> otherwise = compare(entry)) return *std::move(otherwise);
  if (entry.write == Write::kCompareOnly) return Applied{entry.expected, {}};
  changed_keys_.insert(entry.key);
  if (entry.write == Write::kDelete) {
    remove(entry.key, {0, UINT64_MAX});
    writes_.Delete(record_key(entry.key));
    index_.revisions.remove(entry.key);
    changes_.push_back({std::move(entry.key), revision, std::nullopt});
  } else {
    apply(entry, revision);
    changes_.push_back({std::move(entry.key), revision, std::move(entry.record)});
  }
  return Applied{revision, {}};
}

// What the group itself has changed is never asked about: see takes(). A record that cannot be read
// cannot be shown; nothing was written, which is all that is said then.
std::optional<Outcome> CommitGroup::compare(const Entry& entry) const {
  if (const auto stands = index_.revisions.look(entry.key, entry.expected)) {
    if (*stands == entry.expected) return std::nullopt;
    return Refused{};
  }
  std::string bytes;
  const rocksdb::Status s = db_.Get({}, record_key(entry.key), &bytes);
  if (s.IsNotFound()) {
    if (entry.expected == kAbsent) return std::nullopt;
    return Refused{};
  }
  if (!s.ok()) return Failed{explain(s, db_.GetName())};
  std::optional<Versioned> current = decode_record(bytes);
  if (!current) return Failed{absl::DataLossError("A record has no revision.")};
  if (current->revision == entry.expected) return std::nullopt;
  return Refused{std::move(current), {}};
}

void CommitGroup::apply(const Entry& entry, Revision revision) {
  if (entry.remove) remove(entry.key, *entry.remove);
  for (const Attachment& put : entry.put) {
    writes_.Put(attachment_key(entry.key, put.number), put.bytes);
    index_.attachments[entry.key].add(put.number);
  }
  writes_.Put(record_key(entry.key), encode_record(revision, entry.record));
  index_.revisions.put(entry.key, entry.expected, revision);
}

// One by one: a range deletion would have to be looked through by every later read.
void CommitGroup::remove(const std::string& key, NumberRange range) {
  const auto found = index_.attachments.find(key);
  if (found == index_.attachments.end()) return;
  for (const NumberRange& taken : found->second.take(range)) {
    for (std::uint64_t number = taken.first;; ++number) {
      writes_.Delete(attachment_key(key, number));
      if (number == taken.last) break;
    }
  }
  if (found->second.ranges().empty()) index_.attachments.erase(found);
}

}  // namespace interlock
