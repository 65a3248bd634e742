// Where a program listens, or whom it calls.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace interlock {

struct HostPort {
  std::string host;  // a name or an address; IPv6 without its brackets
  int port = 0;      // 0 to 65535; 0 lets the system choose when listening

  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// Reads `host:port`, `127.0.0.1:8080`, `[::1]:8080`. INVALID_ARGUMENT says what is wrong.
absl::StatusOr<HostPort> parse_host_port(std::string_view text);

// The text that parse_host_port reads.
std::string to_string(const HostPort& address);

// A port as text, 0 to 65535 in decimal; nothing else around it.
absl::StatusOr<int> parse_port(std::string_view text);

// Whether only this machine can reach it: `localhost`, 127.0.0.0/8 or ::1. A name that would have
// to be looked up is not.
bool is_loopback(const std::string& host);

}  // namespace interlock
