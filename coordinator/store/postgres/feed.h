// The connection that follows what anybody writes.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "coordinator/store/postgres/connection.h"
#include "coordinator/store/store.h"

namespace interlock::postgres {

// One thread. NOTIFY only says that looking is worth while; without it, it looks now and then. It
// also forgets old deletions.
class Feed {
 public:
  Feed(const ConnectionSettings& settings, Lineage& lineage);
  ~Feed();

  void watch(Position from, FeedSink sink);

 private:
  struct Watch {
    Position position;
    FeedSink sink;
  };

  void run();
  bool connect();
  // False: there may be more at once.
  bool look();
  void lost(absl::Status reason);
  void prune();
  bool replaced();

  const ConnectionSettings settings_;
  Lineage& lineage_;
  Wakeup wakeup_;
  std::unique_ptr<Connection> connection_;
  std::optional<Watch> watch_;
  Clock::time_point prune_at_;

  std::mutex mutex_;
  std::optional<Watch> new_watch_;
  std::thread thread_;
};

}  // namespace interlock::postgres
