// Commits: what waits is packed into Txns, several of which are under way.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "coordinator/store/etcd/client.h"
#include "coordinator/store/etcd/packing.h"
#include "coordinator/store/etcd/touch.h"
#include "coordinator/store/store.h"

namespace interlock::etcd {

using CommitDone = std::function<void(std::vector<Outcome>)>;

// Natural batching: entries of all commits that wait while as many Txns are under way as may be go
// into the next one. A Txn that etcd refuses for one of its children is sent again, each child in
// a Txn of its own. Belongs to the loop.
class Writer {
 public:
  Writer(Client& client, Touch& touch, const Layout& layout, const Settings& settings)
      : client_(client), touch_(touch), layout_(layout), settings_(settings) {}

  void commit(Batch batch, absl::Status checked, const CommitDone& done);

  // Not OK: everything fails with it. Set by who watches the space.
  void set_full(absl::Status full) { full_ = std::move(full); }

  // The latest position that was handed out: the feed is expected to get there.
  Position handed_out() const { return handed_out_; }

  // What waits fails.
  void stop();

 private:
  struct Pending {
    std::vector<Outcome> outcomes;
    std::size_t missing = 0;
    CommitDone done;
  };
  struct Waiting {
    Child child;
    std::shared_ptr<Pending> commit;
    std::size_t entry = 0;  // of the commit
    bool alone = false;
  };
  using Sent = std::vector<Waiting>;

  void pump();
  Sent take();
  void send(Sent sent);
  void answered(Sent sent, Reply<etcdserverpb::TxnRequest, etcdserverpb::TxnResponse> reply);
  void send_alone(Sent sent, etcdserverpb::TxnRequest& request);
  void take_outcomes(Sent& sent, etcdserverpb::TxnResponse& response);
  static void answer_all(Sent& sent, const Outcome& outcome);
  static void answer(const Waiting& waiting, Outcome outcome);
  absl::Status refusal() const;

  Client& client_;
  Touch& touch_;
  const Layout& layout_;
  const Settings& settings_;
  absl::Status full_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::size_t under_way_ = 0;
  Position handed_out_;
};

}  // namespace interlock::etcd
