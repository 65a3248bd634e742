// A durable write of the store's own, made before it believes what it reads.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/store/etcd/client.h"
#include "coordinator/store/etcd/layout.h"

namespace interlock::etcd {

// After a restart, or under a new leader, a member may show what no disk has yet: etcd 3.4 applies
// before it syncs where it is alone. Both begin a term of Raft's, so what is read is believed when
// this store has made a write in the same term. Belongs to the loop.
class Touch {
 public:
  Touch(Client& client, const Layout& layout) : client_(client), layout_(layout) {}

  // The header of a write that is durable, or why there is none. Those who ask while one is under
  // way share it.
  using Done = std::function<void(const absl::StatusOr<etcdserverpb::ResponseHeader>& header)>;
  void make(Done done);

  // What every Txn that was answered says of itself. DATA_LOSS, from then on: this is another
  // cluster than before, or an older state of it, and nothing that is known of it holds.
  absl::Status wrote(const etcdserverpb::ResponseHeader& header);
  const absl::Status& lost() const { return lost_; }

  // Of what was read. Where not: make() a write, and read again.
  bool believes(const etcdserverpb::ResponseHeader& header);

 private:
  Client& client_;
  const Layout& layout_;
  std::vector<Done> waiting_;
  std::uint64_t term_ = 0;
  std::uint64_t cluster_ = 0;
  std::int64_t revision_ = 0;  // the highest that was answered
  absl::Status lost_;
};

// A Txn of one nested put, which a write of etcd's own checks pass by, so that it can be made when
// the space quota is used up too.
etcdserverpb::TxnRequest nested_put(const std::string& key, const std::string& value);

}  // namespace interlock::etcd
