// The rest of the coordinator that is not one: what says how things stand, and what changes them.
#include <algorithm>

#include "fake_admin.h"

namespace interlock {

v1::KickRequest FakeAdmin::last_kick() const {
  const std::lock_guard lock(mutex_);
  return last_kick_;
}

v1::ForceReleaseRequest FakeAdmin::last_release() const {
  const std::lock_guard lock(mutex_);
  return last_release_;
}

v1::DrainGatewayRequest FakeAdmin::last_drain() const {
  const std::lock_guard lock(mutex_);
  return last_drain_;
}

grpc::Status FakeAdmin::Explain(grpc::ServerContext* context, const v1::ExplainRequest* request,
                                v1::ExplainResponse* answer) {
  if (const grpc::Status passed = pass(*context); !passed.ok()) return passed;
  const std::lock_guard lock(mutex_);
  const v1::Connection* connection = find(request->key());
  if (connection != nullptr) *answer->mutable_connection() = *connection;
  for (const v1::Finding& finding : findings) *answer->add_findings() = finding;
  return grpc::Status::OK;
}

grpc::Status FakeAdmin::Outbox(grpc::ServerContext* context, const v1::OutboxRequest* request,
                               v1::OutboxResponse* answer) {
  if (const grpc::Status passed = pass(*context); !passed.ok()) return passed;
  const std::lock_guard lock(mutex_);
  if (find(request->key()) == nullptr) return {grpc::NOT_FOUND, "no record"};
  answer->set_held(waiting.size());
  for (const v1::OutboxEntry& entry : waiting) {
    const bool full = answer->entries_size() == static_cast<int>(request->limit());
    if (entry.sequence() > request->after() && !full) *answer->add_entries() = entry;
  }
  return grpc::Status::OK;
}

grpc::Status FakeAdmin::Kick(grpc::ServerContext* context, const v1::KickRequest* request,
                             grpc::ServerWriter<v1::KickResponse>* writer) {
  if (const grpc::Status passed = pass(*context); !passed.ok()) return passed;
  const std::lock_guard lock(mutex_);
  last_kick_ = *request;
  for (const v1::KickResponse& answer : kicks) writer->Write(answer);
  return grpc::Status::OK;
}

grpc::Status FakeAdmin::ForceRelease(grpc::ServerContext* context,
                                     const v1::ForceReleaseRequest* request,
                                     v1::ForceReleaseResponse*) {
  if (const grpc::Status passed = pass(*context); !passed.ok()) return passed;
  const std::lock_guard lock(mutex_);
  last_release_ = *request;
  return release_end;
}

grpc::Status FakeAdmin::ListGateways(grpc::ServerContext* context, const v1::ListGatewaysRequest*,
                                     v1::ListGatewaysResponse* answer) {
  if (const grpc::Status passed = pass(*context); !passed.ok()) return passed;
  const std::lock_guard lock(mutex_);
  if (gateway_looks.empty()) return grpc::Status::OK;
  *answer = gateway_looks[std::min(gateway_look_++, gateway_looks.size() - 1)];
  return grpc::Status::OK;
}

grpc::Status FakeAdmin::DrainGateway(grpc::ServerContext* context,
                                     const v1::DrainGatewayRequest* request,
                                     v1::DrainGatewayResponse* answer) {
  if (const grpc::Status passed = pass(*context); !passed.ok()) return passed;
  const std::lock_guard lock(mutex_);
  last_drain_ = *request;
  if (!gateway_looks.empty() && !gateway_looks.front().gateways().empty()) {
    answer->set_connections(gateway_looks.front().gateways(0).connections());
  }
  return grpc::Status::OK;
}

grpc::Status FakeAdmin::Stats(grpc::ServerContext* context, const v1::StatsRequest*,
                              v1::StatsResponse* answer) {
  if (const grpc::Status passed = pass(*context); !passed.ok()) return passed;
  const std::lock_guard lock(mutex_);
  if (stats_looks.empty()) return grpc::Status::OK;
  *answer = stats_looks[std::min(stats_look_++, stats_looks.size() - 1)];
  return grpc::Status::OK;
}

}  // namespace interlock
