// The numbers that a gateway shows.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/metrics.h"
#include "interlock/v1/connection.pb.h"

namespace interlock {

// Who ended a connection.
enum class CloseOrigin : std::uint8_t { kClient, kGateway, kNetwork };
std::string_view to_string(CloseOrigin origin);

// What a connection goes through before it is of use; see session_trace.h.
enum class HandshakeStep : std::uint8_t { kClaim, kAccept, kOpen, kReady };
inline constexpr std::size_t handshake_steps = 4;
std::string_view to_string(HandshakeStep step);

// May be used from any thread. The Metrics must outlive it.
class GatewayMetrics {
 public:
  explicit GatewayMetrics(Metrics& metrics);

  void closed(std::uint16_t code, CloseOrigin origin);
  // `reason` is one word of ours, never text of the client's.
  void refused(std::uint16_t status, std::string_view reason);
  void message(std::string_view result);
  void api_answered(std::uint16_t status);
  // A client came back to where it had been; or it had to be told that it could not.
  void resumed(bool recovered);
  // What is told to operators with each heartbeat; costs some microseconds.
  void add_to(v1::GatewayLoad& load) const;
  // One that went well.
  void handshake_step(HandshakeStep step, double seconds);

 private:
  prometheus::Family<prometheus::Counter>& closes_;
  prometheus::Family<prometheus::Counter>& refusals_;
  prometheus::Family<prometheus::Counter>& messages_;
  prometheus::Family<prometheus::Counter>& api_answers_;
  prometheus::Counter& resumes_recovered_;
  prometheus::Counter& resumes_lost_;
  const std::int64_t started_unix_ms_;
  std::array<prometheus::Histogram*, handshake_steps> handshake_steps_{};

 public:
  prometheus::Gauge& sockets;   // open, whatever they are at
  prometheus::Gauge& sessions;  // from the claim to the end
  prometheus::Gauge& draining;
  prometheus::Counter& events_sent;
  prometheus::Counter& transients_dropped;
  prometheus::Histogram& handshake_seconds;
  prometheus::Histogram& session_seconds;
};

}  // namespace interlock
