// What gateways call.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "coordinator/service/attach_stream.h"
#include "coordinator/service/unary.h"
#include "interlock/v1/gateway.grpc.pb.h"

namespace interlock {

class GatewayService final : public v1::Gateway::CallbackService {
 public:
  GatewayService(ServiceParts parts, std::string coordinator_id, AttachLimits limits);

  // Every attached gateway is told to go elsewhere.
  void drain(std::uint64_t within_ms);
  std::size_t streams() const;

  grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse>* Attach(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Claim(grpc::CallbackServerContext* context,
                                  const v1::ClaimRequest* request, v1::Granted* response) override;
  grpc::ServerUnaryReactor* Abandon(grpc::CallbackServerContext* context,
                                    const v1::AbandonRequest* request,
                                    v1::AbandonResponse* response) override;
  grpc::ServerUnaryReactor* Operate(grpc::CallbackServerContext* context,
                                    const v1::OperateRequest* request,
                                    v1::Done* response) override;
  grpc::ServerUnaryReactor* Acknowledge(grpc::CallbackServerContext* context,
                                        const v1::AcknowledgeRequest* request,
                                        v1::AcknowledgeResponse* response) override;

 private:
  ServiceParts parts_;
  std::string coordinator_id_;
  AttachLimits limits_;
  mutable std::mutex mutex_;
  std::set<AttachStream*> streams_;
};

}  // namespace interlock
