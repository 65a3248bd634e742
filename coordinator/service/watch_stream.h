// One operator who watches: changes as they become durable, from a bounded queue.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "coordinator/engine/engine_thread.h"
#include "coordinator/service/workers.h"
#include "interlock/v1/admin.pb.h"

namespace interlock {

constexpr std::size_t kWatchQueueMax = 1024;  // changes; a slower reader is told what it missed

class WatchStream final : public grpc::ServerWriteReactor<v1::WatchResponse>,
                          public std::enable_shared_from_this<WatchStream> {
 public:
  static std::shared_ptr<WatchStream> start(EngineThread& engine, Workers& workers,
                                            std::string key);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  WatchStream(EngineThread& engine, Workers& workers) : engine_(engine), workers_(workers) {}
  void changed(const Watched& watched);
  void write();
  void end();

  EngineThread& engine_;
  Workers& workers_;
  std::shared_ptr<WatchStream> self_;  // until OnDone
  WatcherId watcher_ = 0;

  std::mutex mutex_;
  std::deque<v1::WatchResponse> queue_;
  v1::WatchResponse response_;
  bool missed_ = false;
  bool writing_ = false;
  bool finished_ = false;
  bool finish_after_write_ = false;
};

}  // namespace interlock
