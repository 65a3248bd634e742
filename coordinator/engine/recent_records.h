// Decoded records of the keys that were read or written last, so that a decision need not decode
// what the one before it has encoded.
//
// One place for each hash: a key that falls on another one's place takes it. What is found is what
// the bytes of that revision say, so it makes no difference but in time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "coordinator/authority/machine.h"
#include "coordinator/store/store.h"

namespace interlock {

// Shared, since whoever looks at it may still do so when a newer one has come. nullptr: absent.
using RecordRef = std::shared_ptr<const Record>;

class RecentRecords {
 public:
  // 0: nothing is kept.
  explicit RecentRecords(std::size_t records_max) : places_(records_max) {}

  RecordRef find(std::string_view key, Revision revision) const {
    if (places_.empty()) return nullptr;
    const Place& place = places_[place_of(key)];
    return place.revision == revision && place.key == key ? place.record : nullptr;
  }

  void keep(std::string_view key, Revision revision, RecordRef record) {
    if (places_.empty()) return;
    Place& place = places_[place_of(key)];
    place.key = key;
    place.revision = revision;
    place.record = std::move(record);
  }

 private:
  struct Place {
    std::string key;
    Revision revision = kAbsent;
    RecordRef record;
  };
  std::size_t place_of(std::string_view key) const {
    return absl::Hash<std::string_view>()(key) % places_.size();
  }

  std::vector<Place> places_;
};

}  // namespace interlock
