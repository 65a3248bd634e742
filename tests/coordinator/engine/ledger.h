// What has really become durable, in order, seen from outside of every engine, and whether all of
// it was allowed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/authority/decide.h"
#include "coordinator/store/memory_world.h"

namespace interlock {

class Ledger {
 public:
  struct Written {
    Revision revision = 0;
    std::uint64_t at_ms = 0;
    std::optional<Record> record;  // nothing: deleted
  };
  struct Event {
    std::string key;
    Generation since = 0;
    OutboxEvent event;
  };

  // `world` outlives the ledger and shows every entry to it from now on.
  Ledger(MemoryWorld& world, std::function<std::uint64_t()> now_ms);

  const std::vector<Written>& of(const std::string& key) const;
  // Whether the key was absent at some moment from then on.
  bool absent_since(const std::string& key, std::uint64_t from_ms) const;
  // The first state of this generation that `matches`, if it is durable.
  template <class Matches>
  const Record* find(const std::string& key, Generation generation, Matches matches) const;
  // Whether some record that was the present one at a moment from then on `matches`.
  template <class Matches>
  bool stood_since(const std::string& key, std::uint64_t from_ms, Matches matches) const;
  const std::vector<Event>& events() const { return events_; }
  std::vector<std::string> keys() const;

  std::vector<std::string> wrong;  // sentences

 private:
  void take(const Entry& entry, Revision revision);
  void check_generation(const std::string& key, const Record& record, Revision revision);
  void check_steps(const std::string& key, const std::optional<Record>& before,
                   const Record& record);
  void check_outbox(const std::string& key, const std::optional<Record>& before,
                    const Record& record, const Entry& entry);
  void complain(const std::string& key, Revision revision, const std::string& what);

  MemoryWorld& world_;
  std::function<std::uint64_t()> now_ms_;
  std::uint64_t base_ = 0;
  std::map<std::string, std::vector<Written>> written_;
  std::map<std::string, Generation> highest_;
  std::map<std::pair<std::string, Generation>, std::string> owners_;
  std::vector<Event> events_;
};

template <class Matches>
const Record* Ledger::find(const std::string& key, Generation generation, Matches matches) const {
  for (const Written& one : of(key)) {
    if (one.record && one.record->generation == generation && matches(*one.record)) {
      return &*one.record;
    }
  }
  return nullptr;
}

template <class Matches>
bool Ledger::stood_since(const std::string& key, std::uint64_t from_ms, Matches matches) const {
  const std::vector<Written>& all = of(key);
  for (std::size_t i = all.size(); i-- > 0;) {
    if (all[i].record && matches(*all[i].record)) return true;
    if (all[i].at_ms < from_ms) return false;
  }
  return false;
}

}  // namespace interlock
