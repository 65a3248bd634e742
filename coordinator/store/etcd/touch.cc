#include "coordinator/store/etcd/touch.h"

#include <algorithm>
#include <utility>

namespace interlock::etcd {

using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;

TxnRequest nested_put(const std::string& key, const std::string& value) {
  TxnRequest request;
  auto* put = request.add_success()->mutable_request_txn()->add_success()->mutable_request_put();
  put->set_key(key);
  put->set_value(value);
  return request;
}

void Touch::make(Done done) {
  waiting_.push_back(std::move(done));
  if (waiting_.size() > 1) return;
  client_.call<TxnRequest, TxnResponse>(
      txn, nested_put(layout_.touched(), ""),
      [this, before = revision_](Reply<TxnRequest, TxnResponse> reply) {
        absl::StatusOr<etcdserverpb::ResponseHeader> header = reply.response.header();
        if (reply.failure) {
          header = reply.failure->reason;
        } else if (header->revision() <= before && lost_.ok()) {
          lost_ = absl::DataLossError(
              "etcd has gone back to an older state, as after restoring a backup: start the "
              "coordinators anew to go on with it.");
          header = lost_;
        } else if (absl::Status same = wrote(*header); !same.ok()) {
          header = same;
        }
        for (const Done& each : std::exchange(waiting_, {})) each(header);
      });
}

absl::Status Touch::wrote(const etcdserverpb::ResponseHeader& header) {
  if (!lost_.ok()) return lost_;
  if (cluster_ != 0 && header.cluster_id() != cluster_) {
    lost_ = absl::DataLossError(
        "Another etcd cluster answers at these addresses than before: correct --store, or start "
        "the coordinators anew to go on with it.");
    return lost_;
  }
  cluster_ = header.cluster_id();
  term_ = std::max(term_, header.raft_term());
  revision_ = std::max(revision_, header.revision());
  return absl::OkStatus();
}

bool Touch::believes(const etcdserverpb::ResponseHeader& header) {
  if (!lost_.ok() || header.cluster_id() != cluster_ || header.raft_term() != term_) return false;
  revision_ = std::max(revision_, header.revision());
  return true;
}

}  // namespace interlock::etcd
