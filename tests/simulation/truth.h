// What has become durable, in order, seen from outside of every process, and whether each change
// was one that may be made at all.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "coordinator/authority/decide.h"
#include "coordinator/store/memory_world.h"
#include "tests/simulation/run.h"

namespace interlock::sim {

using RecordPtr = std::shared_ptr<const Record>;

class Truth {
 public:
  struct Change;
  // Removed and made by one commit: nothing goes on from what stood there.
  static bool made_anew(const Change& change);
  struct Written {
    Revision revision = 0;
    Us at = 0;
    RecordPtr record;  // nothing: deleted
  };
  struct Granted {  // one generation
    std::string owner;  // empty: abandoned by the commit that granted it
    std::string claim_id;
    Generation since = 0;  // of its sequence
    Us at = 0;
    bool operational = false;  // it has been, durably
    Sequence barrier = 0;      // the last event assigned before the write that made it so
    std::uint64_t last_op = 0;
  };
  // A change of a connection's record; either side may be nothing.
  struct Change {
    const std::string& key;
    RecordPtr before;
    RecordPtr after;
    Revision revision = 0;
  };

  Truth(Run& run, MemoryWorld& world);

  // Called with each change, after it was taken in.
  void on_change(std::function<void(const Change&)> watcher) {
    watchers_.push_back(std::move(watcher));
  }
  // Called with each write of a record that is not a connection's.
  void on_other(std::function<void(const Entry&)> watcher) { other_ = std::move(watcher); }

  std::uint64_t base() const { return base_; }
  const std::vector<Written>& of(const std::string& key) const;
  RecordPtr present(const std::string& key) const;
  const Granted* generation(const std::string& key, Generation generation) const;
  bool operational(const std::string& key, Generation generation) const;
  // The event that has this number in the life of the key that began with `since`.
  const OutboxEvent* event(const std::string& key, Generation since, Sequence sequence) const;
  bool absent_since(const std::string& key, Us from) const;
  // Whether some record that was the present one at a moment from then on `matches`.
  template <class Matches>
  bool stood_since(const std::string& key, Us from, Matches matches) const;
  std::vector<std::string> keys() const;
  std::uint64_t writes() const { return writes_; }

 private:
  struct Key {
    std::vector<Written> written;
    Revision revision = 0;     // of what stands, as seen from here; 0: absent
    Generation highest = 0;
    std::map<Generation, Granted> generations;
    std::map<Generation, std::vector<OutboxEvent>> events;  // by life, from its first sequence on
    std::string unknown;       // what a newer build has written into the record
  };
  void take(const Entry& entry, Revision revision);
  void check_compare(const Entry& entry, Revision revision);
  void check_generation(const Change& change, Key& key);
  void check_steps(const Change& change);
  void check_outbox(const Change& change, Key& key, const Entry& entry);
  void check_unknown(const Change& change, Key& key);

  Run& run_;
  MemoryWorld& world_;
  std::uint64_t base_ = 0;
  std::uint64_t writes_ = 0;
  std::unordered_map<std::string, Key> keys_;  // of connections
  std::unordered_map<std::string, Revision> revisions_;  // of all records
  std::vector<std::function<void(const Change&)>> watchers_;
  std::function<void(const Entry&)> other_;
};

template <class Matches>
bool Truth::stood_since(const std::string& key, Us from, Matches matches) const {
  const std::vector<Written>& all = of(key);
  for (std::size_t i = all.size(); i-- > 0;) {
    if (all[i].record && matches(*all[i].record)) return true;
    if (all[i].at < from) return false;
  }
  return false;
}

}  // namespace interlock::sim
