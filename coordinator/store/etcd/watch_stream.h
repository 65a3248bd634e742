// One stream of etcd's watch.
#pragma once

#include <grpcpp/support/client_callback.h>

#include <functional>
#include <memory>

#include "coordinator/store/etcd/client.h"
#include "coordinator/store/etcd/loop.h"

namespace interlock::etcd {

// Keeps itself alive from open() until it has ended. `response` and `ended` are called on the loop;
// the next response is read while the one before is being looked at.
class WatchStream final
    : public grpc::ClientBidiReactor<etcdserverpb::WatchRequest, etcdserverpb::WatchResponse>,
      public std::enable_shared_from_this<WatchStream> {
 public:
  struct Events {
    std::function<void(etcdserverpb::WatchResponse& response)> response;
    std::function<void(const grpc::Status& status)> ended;
  };

  static std::shared_ptr<WatchStream> open(Client& client, Loop& loop,
                                           etcdserverpb::WatchRequest request, Events events);
  explicit WatchStream(Loop& loop) : hold_(loop.hold()) {}

  void cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  void take();

  Events events_;
  std::shared_ptr<WatchStream> self_;
  Loop::Hold hold_;
  grpc::ClientContext context_;
  etcdserverpb::WatchRequest request_;
  etcdserverpb::WatchResponse response_;
};

}  // namespace interlock::etcd
