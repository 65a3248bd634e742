// The backend, as a gateway sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "interlock/v1/backend.pb.h"

namespace interlock {

enum class BackendResult : std::uint8_t {
  kOk,
  kUnavailable,  // not reached, timed out, or the breaker is open: may be tried again
  kRefused,      // the backend has seen a higher generation (ABORTED)
  kRejected,     // the backend does not want this (INVALID_ARGUMENT and the like): final
};

struct BackendAnswer {
  BackendResult result = BackendResult::kOk;
  std::string message;
};

// Safe to call from any thread. Callbacks come on a thread of the client and must not block. Every
// call is bounded by a deadline; retries (exponential backoff, full jitter, within the deadline and
// a retry budget) and the circuit breaker are inside.
class BackendClient {
 public:
  virtual ~BackendClient() = default;
  // `traceparent`: of whoever asks, passed on; empty: not traced.
  virtual void open(v1::OpenRequest request, std::function<void(BackendAnswer)> done,
                    std::string traceparent = {}) = 0;
  // `accepted` is called once; `transient` any number of times after a kOk.
  virtual void receive(v1::ReceiveRequest request, std::function<void(BackendAnswer)> accepted,
                       std::function<void(v1::Transient)> transient,
                       std::string traceparent = {}) = 0;
  virtual void closed(v1::ClosedRequest request, std::function<void(BackendAnswer)> done) = 0;
};

}  // namespace interlock
