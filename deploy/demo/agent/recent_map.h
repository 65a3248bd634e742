// A memory of bounded size: it forgets what was not asked for longest.
#pragma once

#include <cassert>
#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

namespace interlock {

template <typename Value>
class RecentMap {
 public:
  // At least one entry is kept.
  explicit RecentMap(std::size_t entries_max) : entries_max_(entries_max) {
    assert(0 < entries_max);
  }

  // The value of `key`, made with Value() when there is none, and whether it was made. Makes it the
  // most recent one. The reference is good until the next call.
  std::pair<Value&, bool> touch(const std::string& key) {
    if (const auto known = places_.find(key); known != places_.end()) {
      entries_.splice(entries_.begin(), entries_, known->second);
      return {entries_.front().second, false};
    }
    entries_.emplace_front(key, Value());
    places_.emplace(key, entries_.begin());
    if (entries_.size() > entries_max_) forget_the_last();
    return {entries_.front().second, true};
  }

  bool contains(const std::string& key) const { return places_.contains(key); }
  std::size_t size() const { return entries_.size(); }

 private:
  using Entries = std::list<std::pair<std::string, Value>>;

  void forget_the_last() {
    places_.erase(entries_.back().first);
    entries_.pop_back();
  }

  std::size_t entries_max_;
  Entries entries_;  // most recent first
  std::unordered_map<std::string, typename Entries::iterator> places_;
};

}  // namespace interlock
