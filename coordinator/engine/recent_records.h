// Decoded records of the keys that were read or written last, so that a decision need not decode
// what the one before it has encoded.
//
// A key may stand in one of four places; where all are taken the one that was not used for longest
// gives way. (With one place each, a fifth of 1,024 keys in 4,096 places drove each other out.)
// What is found is what the bytes of that revision say, so it makes no difference but in time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
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
  explicit RecentRecords(std::size_t records_max)
      : ways_(std::min(records_max, kWaysMax)),
        sets_(records_max / std::max<std::size_t>(ways_, 1)),
        places_(ways_ * sets_) {}

  RecordRef find(std::string_view key, Revision revision) {
    for (Place& place : places_of(key)) {
      if (place.revision != revision || place.key != key) continue;
      place.used = ++uses_;
      return place.record;
    }
    return nullptr;
  }

  void keep(std::string_view key, Revision revision, RecordRef record) {
    const std::span<Place> places = places_of(key);
    if (places.empty()) return;
    auto place = std::ranges::find(places, key, &Place::key);
    if (place == places.end()) place = std::ranges::min_element(places, {}, &Place::used);
    place->key = key;
    place->revision = revision;
    place->used = ++uses_;
    place->record = std::move(record);
  }

 private:
  static constexpr std::size_t kWaysMax = 4;
  struct Place {
    std::string key;
    Revision revision = kAbsent;
    std::uint64_t used = 0;
    RecordRef record;
  };
  std::span<Place> places_of(std::string_view key) {
    if (places_.empty()) return {};
    const std::size_t set = absl::Hash<std::string_view>()(key) % sets_;
    return std::span(places_).subspan(set * ways_, ways_);
  }

  const std::size_t ways_;  // of each set of places
  const std::size_t sets_;
  std::vector<Place> places_;
  std::uint64_t uses_ = 0;
};

}  // namespace interlock
