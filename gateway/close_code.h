// Every way to end a connection, and what it tells the client to do next.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace interlock {

// The band tells the client: 1000 done; 1009 fix it; 4000-4199 reconnect and resume; 4200-4499
// fresh token, then resume; 4500-4999 stop.
enum class CloseCode : std::uint16_t {
  kDone = 1000,
  kGoingAway = 1001,         // only ever received: a reload or navigation of a browser
  kNoStatus = 1005,          // never on the wire: a close frame without a code
  kLost = 1006,              // never on the wire: the socket ended without a close frame
  kMessageTooBig = 1009,
  kDefect = 1011,            // a defect of ours
  kInternal = 4000,
  kDraining = 4001,
  kMaxAge = 4002,
  kHeartbeatMissed = 4003,
  kSlowConsumer = 4004,
  kGatewayFenced = 4005,     // this gateway may no longer act for the connection
  kNotNow = 4006,            // rate limited, or something is away
  kStaleAttempt = 4007,
  kDuplicateRefused = 4008,
  kTokenExpired = 4203,
  kSuperseded = 4500,
  kUnauthorized = 4501,
  kKicked = 4502,
  kProtocolError = 4504,
};

struct CloseCodeRow {
  CloseCode code;
  std::string_view name;  // for metrics, logs and the reason of the close frame
};

inline constexpr std::array<CloseCodeRow, 21> kCloseCodes{{
    {CloseCode::kDone, "done"},
    {CloseCode::kGoingAway, "going_away"},
    {CloseCode::kNoStatus, "no_status"},
    {CloseCode::kLost, "lost"},
    {CloseCode::kMessageTooBig, "message_too_big"},
    {CloseCode::kDefect, "defect"},
    {CloseCode::kInternal, "internal"},
    {CloseCode::kDraining, "draining"},
    {CloseCode::kMaxAge, "max_age"},
    {CloseCode::kHeartbeatMissed, "heartbeat_missed"},
    {CloseCode::kSlowConsumer, "slow_consumer"},
    {CloseCode::kGatewayFenced, "gateway_fenced"},
    {CloseCode::kNotNow, "not_now"},
    {CloseCode::kStaleAttempt, "stale_attempt"},
    {CloseCode::kDuplicateRefused, "duplicate_refused"},
    {CloseCode::kTokenExpired, "token_expired"},
    {CloseCode::kSuperseded, "superseded"},
    {CloseCode::kUnauthorized, "unauthorized"},
    {CloseCode::kKicked, "kicked"},
    {CloseCode::kProtocolError, "protocol_error"},
    {static_cast<CloseCode>(1012), "service_restart"},  // only ever received
}};

// "other" for a code that is not in the table.
constexpr std::string_view close_code_name(std::uint16_t code) {
  for (const CloseCodeRow& row : kCloseCodes) {
    if (static_cast<std::uint16_t>(row.code) == code) return row.name;
  }
  return "other";
}

// What the reason of a close frame says besides the code's name; 0 and empty: nothing.
struct CloseDetail {
  std::uint64_t after_ms = 0;
  std::uint64_t generation = 0;
  std::string_view sentence;  // cut where it does not fit
};

// `<name>[; after_ms=N][; generation=N][; sentence]`, at most 123 bytes (RFC 6455, 5.5).
std::string close_reason(CloseCode code, const CloseDetail& detail = {});

}  // namespace interlock
