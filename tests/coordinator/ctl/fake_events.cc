#include "fake_events.h"

namespace interlock {

std::vector<v1::PublishRequest> FakeEvents::published() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

v1::GetDeliveryRequest FakeEvents::last_look() const {
  const std::lock_guard lock(mutex_);
  return last_look_;
}

grpc::Status FakeEvents::Publish(grpc::ServerContext* context, const v1::PublishRequest* request,
                                 v1::Receipt* answer) {
  if (gate) {
    if (const grpc::Status passed = gate(*context); !passed.ok()) return passed;
  }
  const std::lock_guard lock(mutex_);
  published_.push_back(*request);
  *answer = receipt;
  return grpc::Status::OK;
}

grpc::Status FakeEvents::GetDelivery(grpc::ServerContext* context,
                                     const v1::GetDeliveryRequest* request,
                                     v1::DeliveryStatus* answer) {
  if (gate) {
    if (const grpc::Status passed = gate(*context); !passed.ok()) return passed;
  }
  const std::lock_guard lock(mutex_);
  last_look_ = *request;
  if (!statuses.empty()) *answer = statuses.back();
  answer->set_sequence(request->sequence());
  return grpc::Status::OK;
}

grpc::Status FakeEvents::WatchDelivery(grpc::ServerContext* context,
                                       const v1::WatchDeliveryRequest*,
                                       grpc::ServerWriter<v1::DeliveryStatus>* writer) {
  if (gate) {
    if (const grpc::Status passed = gate(*context); !passed.ok()) return passed;
  }
  for (const v1::DeliveryStatus& status : statuses) writer->Write(status);
  return grpc::Status::OK;
}

}  // namespace interlock
