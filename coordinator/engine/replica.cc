#include "coordinator/engine/replica.h"

#include <algorithm>
#include <utility>

#include "coordinator/engine/record_codec.h"

namespace interlock {

Replica::Slot& Replica::slot_of(std::string_view key) {
  if (const auto found = slots_.find(key); found != slots_.end()) return **found;
  Slot& slot = **slots_.insert(std::make_unique<Slot>(key)).first;
  order_.insert(&slot);
  return slot;
}

namespace {

// A member of `members` that stands at `at` leaves; the last one takes its place.
template <class Slot>
void leave(std::vector<Slot*>& members, std::uint32_t Slot::* place, const Slot& slot) {
  Slot* last = members.back();
  members[slot.*place] = last;
  last->*place = slot.*place;
  members.pop_back();
}

template <class Slot>
void join(std::vector<Slot*>& members, std::uint32_t Slot::* place, Slot& slot) {
  slot.*place = static_cast<std::uint32_t>(members.size());
  members.push_back(&slot);
}

template <class Slot>
const Slot* pick(const std::vector<Slot*>& members, double random) {
  const auto place = static_cast<std::size_t>(random * static_cast<double>(members.size()));
  return members[std::min(place, members.size() - 1)];
}

}  // namespace

void Replica::unindex(Slot& slot) {
  if (!slot.present() || !connection_key_of(slot.key())) return;
  --connections_;
  --by_state_[static_cast<std::size_t>(slot.state())];
  outbox_events_ -= slot.outbox_events();
  outbox_bytes_ -= slot.outbox_bytes;
  if (slot.due() != 0) {
    const auto due = due_.find(slot.due());
    leave(due->second, &Slot::due_at, slot);
    if (due->second.empty()) due_.erase(due);
    slot.set_due(0);
  }
  if (slot.owned_by == nullptr) return;
  Slot::Owner& owner = *std::exchange(slot.owned_by, nullptr);
  leave(owner.second, &Slot::owned_at, slot);
  if (owner.second.empty()) owned_.erase(owned_.find(owner.first));
}

void Replica::index(Slot& slot, const Record& record) {
  ++connections_;
  slot.set_state(record.state);
  ++by_state_[static_cast<std::size_t>(record.state)];
  slot.set_outbox_events(record.outbox_sizes.size());
  slot.outbox_bytes = static_cast<std::uint32_t>(interlock::outbox_bytes(record));
  outbox_events_ += slot.outbox_events();
  outbox_bytes_ += slot.outbox_bytes;
  if (!record.owner.empty()) {
    slot.owned_by = &*owned_.try_emplace(record.owner).first;
    join(slot.owned_by->second, &Slot::owned_at, slot);
  }
  slot.set_due(due_tick(record, deadlines_).value_or(0));
  if (slot.due() != 0) join(due_[slot.due()], &Slot::due_at, slot);
}

Replica::Taken Replica::put(std::string_view key, Revision revision, std::string_view bytes,
                            RecordRef& decoded) {
  Slot& slot = slot_of(key);
  if (revision <= slot.revision) return Taken::kOld;
  if (!connection_key_of(key)) {
    slot.revision = revision;
    slot.set_bytes(bytes);
    return Taken::kNewer;
  }
  if (decoded == nullptr) {
    absl::StatusOr<Record> read = decode_record(bytes, base_ + revision);
    if (!read.ok()) return Taken::kUnreadable;
    decoded = std::make_shared<const Record>(*std::move(read));
  }
  unindex(slot);
  slot.revision = revision;
  slot.set_bytes(bytes);
  index(slot, *decoded);
  recent_.keep(slot.key(), revision, decoded);
  return Taken::kNewer;
}

Replica::Taken Replica::remove(std::string_view key, Revision revision) {
  Slot& slot = slot_of(key);
  if (revision <= slot.revision) return Taken::kOld;
  unindex(slot);
  slot.revision = revision;
  slot.set_bytes({});
  deletions_.emplace_back(revision, slot.key());
  return Taken::kNewer;
}

void Replica::forget_deletions(Position through) {
  const auto settled = [&](const std::pair<Revision, std::string>& deletion) {
    if (deletion.first > through.value) return false;
    const auto found = slots_.find(deletion.second);
    if (found == slots_.end() || (*found)->present() ||
        (*found)->revision > deletion.first) {
      return true;  // written again since, or deleted again: another entry speaks for it
    }
    order_.erase(found->get());
    slots_.erase(found);
    return true;
  };
  std::erase_if(deletions_, settled);
}

std::vector<std::string> Replica::missing(const absl::flat_hash_set<std::string>& keys,
                                          Position loaded) const {
  std::vector<std::string> gone;
  for (const Slot* slot : order_) {
    if (!slot->present() || slot->revision >= loaded.value) continue;
    if (std::string key(slot->key()); !keys.contains(key)) gone.push_back(std::move(key));
  }
  return gone;
}

const Replica::Slot* Replica::find(std::string_view key) const {
  const auto found = slots_.find(key);
  return found == slots_.end() ? nullptr : found->get();
}

RecordRef Replica::record(const Slot& slot) const {
  if (!slot.present()) return nullptr;
  if (RecordRef recent = recent_.find(slot.key(), slot.revision)) return recent;
  absl::StatusOr<Record> read = decode_record(slot.bytes(), base_ + slot.revision);
  if (!read.ok()) return nullptr;  // cannot be: put has read it
  auto record = std::make_shared<const Record>(*std::move(read));
  recent_.keep(slot.key(), slot.revision, record);
  return record;
}

RecordRef Replica::record(std::string_view key) const {
  const Slot* slot = find(key);
  return slot == nullptr ? nullptr : record(*slot);
}

std::vector<std::string> Replica::owned_by(std::string_view gateway) const {
  std::vector<std::string> keys;
  const auto owned = owned_.find(std::string(gateway));
  if (owned == owned_.end()) return keys;
  for (const Slot* slot : owned->second) keys.emplace_back(slot->key());
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::size_t Replica::owned_count(std::string_view gateway) const {
  const auto owned = owned_.find(std::string(gateway));
  return owned == owned_.end() ? 0 : owned->second.size();
}

const Replica::Slot& Replica::owned_at_random(std::string_view gateway, double random) const {
  return *pick(owned_.find(std::string(gateway))->second, random);
}

std::vector<std::string> Replica::owners() const {
  std::vector<std::string> names;
  for (const auto& [owner, members] : owned_) names.push_back(owner);
  std::sort(names.begin(), names.end());
  return names;
}

const Replica::Slot* Replica::due_at_random(Tick tick, double random) const {
  if (due_.empty() || due_.begin()->first > tick) return nullptr;
  return pick(due_.begin()->second, random);
}

}  // namespace interlock
