// The revisions of all records, by a hash of their keys: 16 bytes each.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "coordinator/store/store.h"

namespace interlock {

// Exact, whatever the hash does, for whoever expects of a key only what that key has had since the
// store was opened: where two keys have shared a hash, it says that it does not know. Until then a
// hash stands for one present record, and another key that has had the same revision was written by
// the same batch, so beside it. Whoever makes up a revision, or remembers one of a record that was
// deleted before the store was opened, is refused but for one in 2^64.
class Revisions {
 public:
  using Hash = std::uint64_t (*)(std::string_view key);
  explicit Revisions(Hash hash = &hash_of) : hash_(hash) {}

  // What stands, for somebody who expects `expected`: that, or kAbsent. Nothing: only the database
  // knows.
  std::optional<Revision> look(std::string_view key, Revision expected) const;

  // `before` is what stood, and no guess.
  void put(std::string_view key, Revision before, Revision now);
  void remove(std::string_view key);

 private:
  static constexpr Revision kShared = UINT64_MAX;
  static std::uint64_t hash_of(std::string_view key) {
    return absl::Hash<std::string_view>()(key);
  }

  Hash hash_;
  absl::flat_hash_map<std::uint64_t, Revision> revisions_;
};

}  // namespace interlock
