#include "coordinator/store/memory_feed.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace interlock {

MemoryFeed::MemoryFeed(std::shared_ptr<MemoryWorld> world, const MemoryFaults& faults,
                       Scheduler later)
    : world_(std::move(world)), faults_(faults), later_(std::move(later)) {}

void MemoryFeed::watch(Position from, FeedSink sink) {
  sink_ = std::move(sink);
  shown_ = from;
  ++watch_number_;
  under_way_ = false;
  pump();
}

void MemoryFeed::resync(absl::Status reason) {
  if (!sink_) return;
  const auto say = sink_->resync;
  sink_.reset();
  say(std::move(reason));
}

void MemoryFeed::pump() {
  const Position through = world_->position();
  if (!sink_ || silent_ || under_way_ || shown_ == through) return;
  under_way_ = true;
  const std::uint64_t lag_ms = faults_.feed_lag_ms ? faults_.feed_lag_ms() : 0;
  later_(lag_ms, [this, through, watch = watch_number_] {
    if (!sink_ || watch != watch_number_) return;
    under_way_ = false;
    if (!silent_) deliver(through);
  });
}

void MemoryFeed::deliver(Position through) {
  std::optional<std::vector<Change>> changes = world_->changes(shown_, through);
  if (!changes) return resync(absl::DataLossError("The feed no longer reaches back so far."));
  if (faults_.skip_states && faults_.random) skip_states(*changes);
  shown_ = through;
  const auto show = sink_->changes;  // a copy: the callback may end this watch
  show(std::move(*changes), through);
  pump();
}

void MemoryFeed::skip_states(std::vector<Change>& changes) const {
  std::unordered_set<std::string_view> later_ones;
  std::vector<bool> skip(changes.size());
  for (std::size_t i = changes.size(); i-- > 0;) {
    const bool last = later_ones.insert(changes[i].key).second;
    skip[i] = !last && changes[i].bytes && faults_.random() % 2 == 0;
    if (skip[i] && faults_.skipped) faults_.skipped();
  }
  std::vector<Change> shown;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (!skip[i]) shown.push_back(std::move(changes[i]));
  }
  changes = std::move(shown);
}

}  // namespace interlock
