// The coordinator, as a publisher sees it.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "coordinator/ctl/coordinator_caller.h"
#include "coordinator/ctl/failure.h"
#include "coordinator/ctl/settings.h"
#include "interlock/v1/events.grpc.pb.h"

namespace interlock {

class EventsClient {
 public:
  // As CoordinatorCaller::make.
  static absl::StatusOr<EventsClient> make(const ToolSettings& settings);
  explicit EventsClient(CoordinatorCaller caller);

  Outcome publish(const v1::PublishRequest& request, v1::Receipt& answer);
  Outcome delivery(const v1::GetDeliveryRequest& request, v1::DeliveryStatus& answer);
  // As AdminClient::watch; ends by itself when nothing more can come.
  Outcome watch_delivery(const v1::WatchDeliveryRequest& request, const HeldSignals& signals,
                         int output_fd, const std::function<bool(const v1::DeliveryStatus&)>& take);

 private:
  CoordinatorCaller caller_;
  std::unique_ptr<v1::Events::Stub> stub_;
};

}  // namespace interlock
