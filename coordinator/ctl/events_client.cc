#include "coordinator/ctl/events_client.h"

#include <utility>

namespace interlock {

absl::StatusOr<EventsClient> EventsClient::make(const ToolSettings& settings) {
  absl::StatusOr<CoordinatorCaller> caller = CoordinatorCaller::make(settings);
  if (!caller.ok()) return caller.status();
  return EventsClient(*std::move(caller));
}

EventsClient::EventsClient(CoordinatorCaller caller)
    : caller_(std::move(caller)), stub_(v1::Events::NewStub(caller_.channel())) {}

Outcome EventsClient::publish(const v1::PublishRequest& request, v1::Receipt& answer) {
  return caller_.call(*stub_, &v1::Events::Stub::Publish,
                      {.method = "Publish", .key = request.key()}, request, answer);
}

Outcome EventsClient::delivery(const v1::GetDeliveryRequest& request, v1::DeliveryStatus& answer) {
  return caller_.call(*stub_, &v1::Events::Stub::GetDelivery,
                      {.method = "GetDelivery", .key = request.key()}, request, answer);
}

Outcome EventsClient::watch_delivery(const v1::WatchDeliveryRequest& request,
                                     const HeldSignals& signals, int output_fd,
                                     const std::function<bool(const v1::DeliveryStatus&)>& take) {
  return caller_.follow<v1::DeliveryStatus>(
      {.method = "WatchDelivery", .key = request.key()}, signals, output_fd,
      [&](grpc::ClientContext* context) { return stub_->WatchDelivery(context, request); }, take);
}

}  // namespace interlock
