// The backend over gRPC.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "gateway/backend_attempts.h"
#include "gateway/backend_client.h"
#include "gateway/backend_counters.h"
#include "gateway/stream_shares.h"

namespace interlock {

struct GrpcBackendSettings {
  std::string target;                         // host:port
  std::string token;                          // empty: none
  std::uint64_t open_timeout_ms = 5'000;      // with all retries, as the two below
  std::uint64_t accept_timeout_ms = 10'000;   // of a message
  std::uint64_t closed_timeout_ms = 5'000;
  std::uint64_t transient_idle_ms = 60'000;   // between two events behind an acceptance
  std::uint32_t calls_max = 20'000;           // under way; one more is kUnavailable at once
  AttemptLimits attempts;
  StreamShareLimits shares;
  // Asked before each attempt, in a turn of the client's: one that may not be made waits, in its
  // call's time. Empty: always.
  std::function<bool()> may_act;
};

// ABORTED is kRefused; UNAVAILABLE, DEADLINE_EXCEEDED and RESOURCE_EXHAUSTED are kUnavailable; any
// other error is kRejected. Only UNAVAILABLE is tried again. Each answer is given once, at the
// latest by the destructor.
class GrpcBackendClient final : public BackendClient {
 public:
  explicit GrpcBackendClient(const GrpcBackendSettings& settings);
  // Cancels what is under way and waits for its end; nothing is called afterwards. Not from a
  // callback.
  ~GrpcBackendClient() override;
  GrpcBackendClient(const GrpcBackendClient&) = delete;
  GrpcBackendClient& operator=(const GrpcBackendClient&) = delete;

  void open(v1::OpenRequest request, std::function<void(BackendAnswer)> done,
            std::string traceparent) override;
  void receive(v1::ReceiveRequest request, std::function<void(BackendAnswer)> accepted,
               std::function<void(v1::Transient)> transient, std::string traceparent) override;
  void closed(v1::ClosedRequest request, std::function<void(BackendAnswer)> done) override;

  const BackendCounters& counters() const;

 private:
  class Owner;
  std::unique_ptr<Owner> owner_;
};

}  // namespace interlock
