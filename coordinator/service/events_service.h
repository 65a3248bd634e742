// What backends call.
#pragma once

#include "coordinator/service/unary.h"
#include "interlock/v1/events.grpc.pb.h"

namespace interlock {

// Batches, streams and receipts asked for later answer UNIMPLEMENTED in this version.
class EventsService final : public v1::Events::CallbackService {
 public:
  explicit EventsService(ServiceParts parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Publish(grpc::CallbackServerContext* context,
                                    const v1::PublishRequest* request,
                                    v1::Receipt* response) override {
    return answer_command<Receipt, interlock::Publish>(
        parts_, context, "interlock.v1.Events.Publish", request->key(), from_proto(*request),
        [response](const Receipt& receipt, Revision) { to_proto(receipt, response); });
  }

 private:
  ServiceParts parts_;
};

}  // namespace interlock
