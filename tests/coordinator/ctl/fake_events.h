// The publishers' half of a coordinator that says what a test wants it to say.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "interlock/v1/events.grpc.pb.h"

namespace interlock {

class FakeEvents final : public v1::Events::Service {
 public:
  v1::Receipt receipt;
  // What became of every event: a look says the last one, a watch all of them.
  std::vector<v1::DeliveryStatus> statuses;
  // Asked first in each call; anything but OK is the answer.
  std::function<grpc::Status(grpc::ServerContext&)> gate;

  std::vector<v1::PublishRequest> published() const;
  v1::GetDeliveryRequest last_look() const;

  grpc::Status Publish(grpc::ServerContext* context, const v1::PublishRequest* request,
                       v1::Receipt* answer) override;
  grpc::Status GetDelivery(grpc::ServerContext* context, const v1::GetDeliveryRequest* request,
                           v1::DeliveryStatus* answer) override;
  grpc::Status WatchDelivery(grpc::ServerContext* context, const v1::WatchDeliveryRequest* request,
                             grpc::ServerWriter<v1::DeliveryStatus>* writer) override;

 private:
  mutable std::mutex mutex_;
  std::vector<v1::PublishRequest> published_;
  v1::GetDeliveryRequest last_look_;
};

}  // namespace interlock
