// What a store does by itself now and again: look at the space, compact, nudge the feed.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/store/etcd/client.h"
#include "coordinator/store/etcd/compaction.h"
#include "coordinator/store/etcd/feed.h"
#include "coordinator/store/etcd/layout.h"
#include "coordinator/store/etcd/loop.h"
#include "coordinator/store/etcd/writer.h"

namespace interlock::etcd {

// Belongs to the loop, but for short_of_room().
class Upkeep {
 public:
  Upkeep(Client& client, Writer& writer, Feed& feed, const Layout& layout, const Settings& settings,
         Loop& loop);

  void start();
  void stop();

  // From any thread. A sentence from when the space becomes scarce.
  std::optional<std::string> short_of_room() const;

 private:
  struct Statuses;

  void nudge();
  void look_at_space();
  void take_statuses(const std::vector<etcdserverpb::StatusResponse>& members);
  void look_at_compaction();
  void take_turn(std::int64_t revision);
  void compact_to(std::int64_t revision);
  std::chrono::milliseconds keep() const;

  Client& client_;
  Writer& writer_;
  Feed& feed_;
  const Layout& layout_;
  const Settings& settings_;
  Timer nudge_timer_;
  Timer space_timer_;
  Timer compaction_timer_;
  Compaction compaction_;

  mutable std::mutex mutex_;
  std::optional<std::string> short_of_room_;
};

}  // namespace interlock::etcd
