#include "coordinator/store/memory_world.h"

#include <algorithm>
#include <utility>

namespace interlock {

MemoryWorld::MemoryWorld(std::size_t feed_changes_max) : feed_changes_max_(feed_changes_max) {}

std::vector<Outcome> MemoryWorld::apply(const Batch& batch) {
  const Revision revision = last_revision_ + 1;
  bool changed = false;
  std::vector<Outcome> outcomes;
  outcomes.reserve(batch.size());
  for (const Entry& entry : batch) outcomes.push_back(apply(entry, revision, changed));
  if (changed) last_revision_ = revision;
  for (Outcome& outcome : outcomes) {
    if (auto* applied = std::get_if<Applied>(&outcome)) applied->at = position();
    if (auto* refused = std::get_if<Refused>(&outcome)) refused->at = position();
  }
  if (changed) tell();
  return outcomes;
}

Outcome MemoryWorld::apply(const Entry& entry, Revision revision, bool& changed) {
  const auto found = records_.find(entry.key);
  const Revision current = found == records_.end() ? kAbsent : found->second.now.revision;
  if (current != entry.expected) {
    Refused refused;
    if (current != kAbsent) refused.current = found->second.now;
    return refused;
  }
  if (entry.write == Write::kCompareOnly) return Applied{current, {}};
  changed = true;
  if (entry.write == Write::kDelete) {
    records_.erase(found);
    remember({entry.key, revision, std::nullopt});
  } else {
    Record& record = records_[entry.key];
    record.now = {entry.record, revision};
    if (entry.remove) {
      record.attachments.erase(record.attachments.lower_bound(entry.remove->first),
                               record.attachments.upper_bound(entry.remove->last));
    }
    for (const Attachment& put : entry.put) record.attachments[put.number] = put.bytes;
    remember({entry.key, revision, entry.record});
  }
  if (observer_) observer_(entry, revision);
  return Applied{revision, {}};
}

std::vector<Attachment> MemoryWorld::read(const ReadRequest& request) const {
  std::vector<Attachment> list;
  const auto found = records_.find(request.key);
  if (found == records_.end()) return list;
  const auto& attachments = found->second.attachments;
  for (auto it = attachments.lower_bound(request.from);
       it != attachments.end() && list.size() < request.limit; ++it) {
    list.push_back({it->first, it->second});
  }
  return list;
}

std::optional<std::vector<Change>> MemoryWorld::changes(Position from, Position through) const {
  // A position from the future belongs to another world.
  if (from.value < feed_lost_ || from > position()) return std::nullopt;
  const auto later = [](std::uint64_t value, const Change& change) {
    return value < change.revision;
  };
  return std::vector<Change>(std::upper_bound(feed_.begin(), feed_.end(), from.value, later),
                             std::upper_bound(feed_.begin(), feed_.end(), through.value, later));
}

void MemoryWorld::forget_feed() {
  feed_.clear();
  feed_lost_ = last_revision_;
}

void MemoryWorld::observe(std::function<void(const Entry&, Revision)> observer) {
  observer_ = std::move(observer);
}

void MemoryWorld::subscribe(std::weak_ptr<void> alive, std::function<void()> grown) {
  subscribers_.push_back({std::move(alive), std::move(grown)});
}

void MemoryWorld::remember(Change change) {
  feed_.push_back(std::move(change));
  while (feed_.size() > feed_changes_max_) {
    feed_lost_ = feed_.front().revision;
    feed_.pop_front();
  }
}

void MemoryWorld::tell() {
  std::erase_if(subscribers_, [](const Subscriber& each) { return each.alive.expired(); });
  for (const Subscriber& each : subscribers_) {
    if (const std::shared_ptr<void> alive = each.alive.lock()) each.grown();
  }
}

}  // namespace interlock
