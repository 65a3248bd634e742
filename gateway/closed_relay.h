// Tells the backend of machines that ended, and the coordinator that it was told.
#pragma once

#include <utility>

#include "gateway/attachment_shell.h"
#include "gateway/backend_client.h"

namespace interlock {

// As long as it lives. A backend that could not be reached is told when the coordinator asks again;
// one that rejects the call (it does not implement Closed, say) does not want to know.
class ClosedRelay {
 public:
  ClosedRelay(AttachmentShell& coordinator, BackendClient& backend) : coordinator_(coordinator) {
    coordinator.tell_closed([&coordinator, &backend](const v1::ClosedToDeliver& closed) {
      v1::ClosedRequest request;
      request.set_key(closed.key());
      request.set_subject(closed.subject());
      request.set_generation(closed.generation());
      request.set_reason(closed.reason());
      backend.closed(std::move(request), [&coordinator, key = closed.key(),
                                          generation = closed.generation()](
                                             const BackendAnswer& answer) {
        if (answer.result == BackendResult::kUnavailable) return;
        coordinator.closed_delivered(key, generation);
      });
    });
  }
  ~ClosedRelay() { coordinator_.tell_closed({}); }
  ClosedRelay(const ClosedRelay&) = delete;
  ClosedRelay& operator=(const ClosedRelay&) = delete;

 private:
  AttachmentShell& coordinator_;
};

}  // namespace interlock
