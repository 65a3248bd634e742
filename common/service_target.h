// Whom a program calls, and whether with TLS.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/host_port.h"

namespace interlock {

struct ServiceTarget {
  HostPort address;
  bool tls = false;

  friend bool operator==(const ServiceTarget&, const ServiceTarget&) = default;
};

// Reads `host:port`, or `https://host` and `https://host:port` with TLS, where 443 is the port that
// is left out. INVALID_ARGUMENT says what is wrong.
absl::StatusOr<ServiceTarget> parse_service_target(std::string_view text);

// The text that parse_service_target reads, always with a port.
std::string to_string(const ServiceTarget& target);

}  // namespace interlock
