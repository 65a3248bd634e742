// How one memory store shows its watcher what has changed, late and with gaps where it may.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "coordinator/store/memory_store.h"

namespace interlock {

// Runs where its store's scheduled work runs.
class MemoryFeed {
 public:
  // `later` is the scheduler, bound to what keeps this object alive.
  MemoryFeed(std::shared_ptr<MemoryWorld> world, const MemoryFaults& faults, Scheduler later);

  void watch(Position from, FeedSink sink);  // replaces the watch before it
  void end() { sink_.reset(); }
  void resync(absl::Status reason);
  void set_silent(bool silent) { silent_ = silent; }

  // Sends what is new on its way. One delivery is under way at a time, so they stay in order
  // whatever their lags; each shows what there was when it was sent.
  void pump();

 private:
  void deliver(Position through);
  void skip_states(std::vector<Change>& changes) const;

  const std::shared_ptr<MemoryWorld> world_;
  const MemoryFaults& faults_;
  const Scheduler later_;
  std::optional<FeedSink> sink_;
  Position shown_;
  bool silent_ = false;
  bool under_way_ = false;
  std::uint64_t watch_number_ = 0;
};

}  // namespace interlock
