// One operator who watches: changes as they become durable, from a bounded queue.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "coordinator/engine/connection_filter.h"
#include "coordinator/engine/engine_thread.h"
#include "coordinator/service/response_stream.h"
#include "interlock/v1/admin.pb.h"

namespace interlock {

constexpr std::size_t kWatchQueueMax = 1024;  // changes; a slower reader is told what it missed

class WatchStream final : public ResponseStream<v1::WatchResponse> {
 public:
  // `filter`: nullptr for all. A `from_revision` other than 0 shows first what has changed since.
  static WatchStream* start(EngineThread& engine, Workers& workers, std::string key,
                            std::shared_ptr<const ConnectionFilter> filter, Revision from_revision);

 private:
  WatchStream(EngineThread& engine, Workers& workers, std::string key,
              std::shared_ptr<const ConnectionFilter> filter, Revision from_revision)
      : ResponseStream(workers),
        engine_(engine),
        key_(std::move(key)),
        filter_(std::move(filter)),
        from_(from_revision),
        scanning_(from_revision != 0) {}
  void changed(const Watched& watched);
  void drained() override;
  void ended() override { engine_.unwatch(watcher_); }

  // What has changed behind `from_`: slice after slice, each when the one before has been written.
  void catch_up();
  void show(const Scanned& scanned);
  std::shared_ptr<WatchStream> shared() {
    return std::static_pointer_cast<WatchStream>(shared_from_this());
  }

  EngineThread& engine_;
  const std::string key_;
  const std::shared_ptr<const ConnectionFilter> filter_;
  const Revision from_;
  WatcherId watcher_ = 0;
  std::atomic<bool> scanning_;  // what has changed behind `from_` has not been shown to its end yet
  bool missed_ = false;  // of the engine's thread
  std::string scanned_to_;  // of whoever holds the turn
  std::atomic<bool> turn_to_scan_ = false;
};

}  // namespace interlock
