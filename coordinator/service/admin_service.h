// What operators call.
#pragma once

#include <functional>

#include "coordinator/service/unary.h"
#include "interlock/v1/admin.grpc.pb.h"

namespace interlock {

// What only looks is in admin_service.cc, what changes something in admin_steering.cc: each change
// is logged with who asked and why, and stands in the connection's history.
class AdminService final : public v1::Admin::CallbackService {
 public:
  // Adds to an answer what is known outside of the engine; may be called from any thread.
  using StatsSource = std::function<void(v1::StatsResponse&)>;

  // Without `stats`: what the engine knows is all that is said.
  explicit AdminService(ServiceParts parts, StatsSource stats = {});

  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                v1::Connection* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const v1::ListRequest* request,
                                 v1::ListResponse* response) override;
  grpc::ServerUnaryReactor* History(grpc::CallbackServerContext* context,
                                    const v1::HistoryRequest* request,
                                    v1::HistoryResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext* context,
                                                     const v1::WatchRequest* request) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context,
                                    const v1::ExplainRequest* request,
                                    v1::ExplainResponse* response) override;
  grpc::ServerUnaryReactor* ListGateways(grpc::CallbackServerContext* context,
                                         const v1::ListGatewaysRequest* request,
                                         v1::ListGatewaysResponse* response) override;
  grpc::ServerUnaryReactor* Outbox(grpc::CallbackServerContext* context,
                                   const v1::OutboxRequest* request,
                                   v1::OutboxResponse* response) override;
  grpc::ServerUnaryReactor* Stats(grpc::CallbackServerContext* context,
                                  const v1::StatsRequest* request,
                                  v1::StatsResponse* response) override;

  grpc::ServerWriteReactor<v1::KickResponse>* Kick(grpc::CallbackServerContext* context,
                                                   const v1::KickRequest* request) override;
  grpc::ServerUnaryReactor* ForceRelease(grpc::CallbackServerContext* context,
                                         const v1::ForceReleaseRequest* request,
                                         v1::ForceReleaseResponse* response) override;
  grpc::ServerUnaryReactor* DrainGateway(grpc::CallbackServerContext* context,
                                         const v1::DrainGatewayRequest* request,
                                         v1::DrainGatewayResponse* response) override;

 private:
  ServiceParts parts_;
  const StatsSource stats_;
  const std::int64_t started_unix_ms_;
};

}  // namespace interlock
