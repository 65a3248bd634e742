#include "coordinator/engine/replica.h"

#include <algorithm>

#include "coordinator/engine/record_codec.h"

namespace interlock {

Replica::Slot& Replica::slot_of(std::string_view key) {
  if (const auto found = slots_.find(key); found != slots_.end()) return *found->second;
  auto slot = std::make_unique<Slot>();
  slot->key = key;
  Slot& reference = *slot;
  slots_.emplace(std::string_view(reference.key), std::move(slot));
  order_.insert(&reference);
  return reference;
}

void Replica::unindex(Slot& slot) {
  if (!slot.present() || !connection_key_of(slot.key)) return;
  --connections_;
  --by_state_[static_cast<std::size_t>(slot.state)];
  if (slot.owner.empty()) return;
  const auto owned = owned_.find(slot.owner);
  owned->second.erase(&slot);
  if (owned->second.empty()) owned_.erase(owned);
}

void Replica::index(Slot& slot, State state, std::string_view owner) {
  ++connections_;
  slot.state = state;
  slot.owner = owner;
  ++by_state_[static_cast<std::size_t>(state)];
  if (!owner.empty()) owned_[slot.owner].insert(&slot);
}

Replica::Taken Replica::put(std::string_view key, Revision revision, std::string bytes) {
  Slot& slot = slot_of(key);
  if (revision <= slot.revision) return Taken::kOld;
  if (!connection_key_of(key)) {
    slot.revision = revision;
    slot.bytes = std::move(bytes);
    return Taken::kNewer;
  }
  const absl::StatusOr<Record> record = decode_record(bytes, base_ + revision);
  if (!record.ok()) return Taken::kUnreadable;
  unindex(slot);
  slot.revision = revision;
  slot.bytes = std::move(bytes);
  index(slot, record->state, record->owner);
  return Taken::kNewer;
}

Replica::Taken Replica::remove(std::string_view key, Revision revision) {
  Slot& slot = slot_of(key);
  if (revision <= slot.revision) return Taken::kOld;
  unindex(slot);
  slot.revision = revision;
  slot.bytes.clear();
  slot.owner.clear();
  deletions_.emplace_back(revision, slot.key);
  return Taken::kNewer;
}

void Replica::forget_deletions(Position through) {
  const auto settled = [&](const std::pair<Revision, std::string>& deletion) {
    if (deletion.first > through.value) return false;
    const auto found = slots_.find(deletion.second);
    if (found == slots_.end() || found->second->present() ||
        found->second->revision > deletion.first) {
      return true;  // written again since, or deleted again: another entry speaks for it
    }
    order_.erase(found->second.get());
    slots_.erase(found);
    return true;
  };
  std::erase_if(deletions_, settled);
}

std::vector<std::string> Replica::missing(const absl::flat_hash_set<std::string>& keys,
                                          Position loaded) const {
  std::vector<std::string> gone;
  for (const Slot* slot : order_) {
    if (slot->present() && slot->revision < loaded.value && !keys.contains(slot->key)) {
      gone.push_back(slot->key);
    }
  }
  return gone;
}

const Replica::Slot* Replica::find(std::string_view key) const {
  const auto found = slots_.find(key);
  return found == slots_.end() ? nullptr : found->second.get();
}

std::optional<Record> Replica::record(const Slot& slot) const {
  if (!slot.present()) return std::nullopt;
  absl::StatusOr<Record> record = decode_record(slot.bytes, base_ + slot.revision);
  if (!record.ok()) return std::nullopt;  // cannot be: put has read it
  return *std::move(record);
}

std::optional<Record> Replica::record(std::string_view key) const {
  const Slot* slot = find(key);
  if (slot == nullptr) return std::nullopt;
  return record(*slot);
}

std::vector<std::string> Replica::owned_by(std::string_view gateway) const {
  std::vector<std::string> keys;
  const auto owned = owned_.find(std::string(gateway));
  if (owned == owned_.end()) return keys;
  for (const Slot* slot : owned->second) keys.push_back(slot->key);
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace interlock
