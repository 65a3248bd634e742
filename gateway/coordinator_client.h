// The coordinator, as a gateway sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "gateway/attachment.h"

namespace interlock {

// Safe to call from any thread. `notify` is called on one thread at a time, perhaps before the call
// that leads to it returns (so not under a lock that it takes too); it must not block, and is never
// called again for a connection once forget() of it has been carried out.
class CoordinatorClient {
 public:
  using Notify = std::function<void(ConnectionNotice)>;
  virtual ~CoordinatorClient() = default;

  // `notify` stays with the connection until forget().
  virtual void claim(std::uint64_t connection, v1::ClaimRequest request, Notify notify) = 0;
  virtual void abandon(std::uint64_t connection) = 0;
  // `traceparent`: of the step that asks; empty: not traced.
  virtual void operate(std::uint64_t connection, std::uint64_t generation, v1::Operation operation,
                       std::string traceparent = {}) = 0;
  virtual void acknowledge(std::uint64_t connection, std::uint64_t generation,
                           std::uint64_t sequence) = 0;
  virtual void events_sent(std::uint64_t connection, std::uint64_t generation,
                           std::uint64_t sequence) = 0;
  virtual void return_credit(std::uint64_t bytes) = 0;
  virtual void forget(std::uint64_t connection) = 0;

  // False while no coordinator has answered for a while (circuit breaker open): a claim asked now
  // would only wait. The upgrade is then refused at once.
  virtual bool reachable() const = 0;
  // The first moment, on boot_clock.h, at which no session may act; 0: none may now. Asked before
  // every input of a session, since that may have waited in a frozen process. A HoldNotice follows
  // each change.
  virtual std::uint64_t act_until_ms() const = 0;
  // Blocks until every unanswered operation is answered or the time is over; for shutdown.
  virtual bool drain(std::uint64_t within_ms) = 0;
};

}  // namespace interlock
