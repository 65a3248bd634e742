// All records, in memory, as the store last showed them.
//
// Only ever moves forward in revision, deletions included: what an old message says about a key
// cannot undo what a newer one said. Records stay encoded, since a million of them must fit; those
// that were used last are kept decoded too.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/hash/hash.h"
#include "coordinator/authority/machine.h"
#include "coordinator/authority/sweep.h"
#include "coordinator/engine/recent_records.h"
#include "coordinator/engine/slot.h"
#include "coordinator/store/store.h"

namespace interlock {

class Replica {
 public:
  using Slot = interlock::Slot;

  Replica(const DeadlineLimits& deadlines, std::size_t decoded_records_max)
      : deadlines_(deadlines), recent_(decoded_records_max) {}

  enum class Taken {
    kNewer,       // taken over
    kOld,         // something newer, or the same, has been seen already
    kUnreadable,  // not taken: no record of this build or of one version on
  };
  // `decoded`: what the bytes of a connection's record say, where that is known already; else, when
  // they are taken over, it is filled in.
  Taken put(std::string_view key, Revision revision, std::string_view bytes, RecordRef& decoded);
  Taken remove(std::string_view key, Revision revision);
  // Deletions up to here need no memory any more: the feed will not bring anything older.
  void forget_deletions(Position through);
  bool empty() const { return slots_.empty(); }
  // After a load of `keys`: what is present here, was not in it and is not newer than it, in order.
  std::vector<std::string> missing(const absl::flat_hash_set<std::string>& keys,
                                   Position loaded) const;

  const Slot* find(std::string_view key) const;  // present or deleted; nullptr: never seen
  void set_base(std::uint64_t base) { base_ = base; }
  std::uint64_t base() const { return base_; }
  // The record with every generation spelled out; nullptr when absent.
  RecordRef record(std::string_view key) const;
  RecordRef record(const Slot& slot) const;

  // Keys of connections that `gateway` owns.
  std::vector<std::string> owned_by(std::string_view gateway) const;
  std::size_t owned_count(std::string_view gateway) const;
  // One of them; `random` in [0, 1). There must be one.
  const Slot& owned_at_random(std::string_view gateway, double random) const;
  std::vector<std::string> owners() const;  // of anything, in order
  // One of the connections that have been due for longest at `tick`; nullptr: none is due.
  const Slot* due_at_random(Tick tick, double random) const;
  // Present slots in the order of their keys, starting behind `after`; until `visit` says false.
  template <class Visit>
  void scan(std::string_view after, Visit visit) const;

  std::size_t connections() const { return connections_; }
  const std::array<std::size_t, 13>& connections_by_state() const { return by_state_; }
  std::uint64_t outbox_events() const { return outbox_events_; }  // of all connections
  std::uint64_t outbox_bytes() const { return outbox_bytes_; }

 private:
  Slot& slot_of(std::string_view key);
  void unindex(Slot& slot);
  void index(Slot& slot, const Record& record);
  // A slot is looked for and ordered by its key, which is in the slot alone.
  static std::string_view key_of(std::string_view key) { return key; }
  static std::string_view key_of(const std::unique_ptr<Slot>& slot) { return slot->key(); }
  static std::string_view key_of(const Slot* slot) { return slot->key(); }
  struct ByKey {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const { return key_of(a) < key_of(b); }
  };
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const auto& a) const {
      return absl::Hash<std::string_view>()(key_of(a));
    }
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const { return key_of(a) == key_of(b); }
  };

  const DeadlineLimits deadlines_;
  mutable RecentRecords recent_;
  std::uint64_t base_ = 0;
  absl::flat_hash_set<std::unique_ptr<Slot>, KeyHash, KeyEqual> slots_;
  absl::btree_set<const Slot*, ByKey> order_;
  absl::node_hash_map<std::string, Slot::Members> owned_;  // its entries stay where they are
  absl::btree_map<Tick, Slot::Members> due_;
  std::vector<std::pair<Revision, std::string>> deletions_;
  std::array<std::size_t, 13> by_state_{};
  std::size_t connections_ = 0;
  std::uint64_t outbox_events_ = 0;
  std::uint64_t outbox_bytes_ = 0;
};

template <class Visit>
void Replica::scan(std::string_view after, Visit visit) const {
  for (auto it = order_.upper_bound(after); it != order_.end(); ++it) {
    if ((*it)->present() && !visit(**it)) return;
  }
}

}  // namespace interlock
