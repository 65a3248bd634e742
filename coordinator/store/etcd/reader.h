// Reads: attachments, and everything.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/store/etcd/client.h"
#include "coordinator/store/etcd/layout.h"
#include "coordinator/store/etcd/touch.h"
#include "coordinator/store/store.h"

namespace interlock::etcd {

using ReadDone = std::function<void(absl::StatusOr<std::vector<std::vector<Attachment>>>)>;

// Every read is linearizable, and believed only over a write of our own. Belongs to the loop.
class Reader {
 public:
  Reader(Client& client, Touch& touch, const Layout& layout, const Settings& settings)
      : client_(client), touch_(touch), layout_(layout), settings_(settings) {}

  // Several requests share a Txn.
  void read(std::vector<ReadRequest> requests, ReadDone done);

  // In pages, all of one revision. ABORTED: that was compacted meanwhile; begin again.
  void load(LoadSink sink);

 private:
  struct Reading;
  struct Loading;

  void read_some(const std::shared_ptr<Reading>& reading);
  bool take_lists(Reading& reading, etcdserverpb::TxnResponse& response);
  void load_page(const std::shared_ptr<Loading>& loading);
  void take_page(const std::shared_ptr<Loading>& loading, etcdserverpb::RangeResponse& response);
  // Then does it again, or fails.
  template <class Task>
  void write_first(const std::shared_ptr<Task>& task,
                   void (Reader::*again)(const std::shared_ptr<Task>&));

  Client& client_;
  Touch& touch_;
  const Layout& layout_;
  const Settings& settings_;
};

}  // namespace interlock::etcd
