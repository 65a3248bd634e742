// What backends call.
#pragma once

#include <atomic>

#include "coordinator/service/unary.h"
#include "interlock/v1/events.grpc.pb.h"

namespace interlock {

constexpr int kBatchEventsMax = 256;
constexpr std::size_t kDeliveryWatchesMax = 1'024;  // of this coordinator: each is told every tick

class EventsService final : public v1::Events::CallbackService {
 public:
  explicit EventsService(ServiceParts parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Publish(grpc::CallbackServerContext* context,
                                    const v1::PublishRequest* request,
                                    v1::Receipt* response) override;
  grpc::ServerUnaryReactor* PublishBatch(grpc::CallbackServerContext* context,
                                         const v1::PublishBatchRequest* request,
                                         v1::PublishBatchResponse* response) override;
  grpc::ServerBidiReactor<v1::PublishStreamRequest, v1::PublishStreamResponse>* PublishStream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetDelivery(grpc::CallbackServerContext* context,
                                        const v1::GetDeliveryRequest* request,
                                        v1::DeliveryStatus* response) override;
  grpc::ServerWriteReactor<v1::DeliveryStatus>* WatchDelivery(
      grpc::CallbackServerContext* context, const v1::WatchDeliveryRequest* request) override;

 private:
  ServiceParts parts_;
  std::atomic<std::size_t> watches_ = 0;
};

}  // namespace interlock
