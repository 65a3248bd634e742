// What operators call.
#pragma once

#include "coordinator/service/unary.h"
#include "interlock/v1/admin.grpc.pb.h"

namespace interlock {

// Get, List, History, Watch. What changes connections, and Explain, ListGateways and Stats, answer
// UNIMPLEMENTED in this version.
class AdminService final : public v1::Admin::CallbackService {
 public:
  explicit AdminService(ServiceParts parts) : parts_(parts) {}

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

 private:
  ServiceParts parts_;
};

}  // namespace interlock
