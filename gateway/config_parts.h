// The parts of the gateway's settings that have a file of their own. Private to config.cc.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gateway/config.h"

namespace interlock {

inline constexpr std::size_t pem_bytes_max = std::size_t{1024} * 1024;

extern const std::vector<std::string> coordinator_flags;
absl::Status read_coordinator(GatewayConfig& config);

extern const std::vector<std::string> client_flags;
absl::Status read_clients(GatewayConfig& config);

extern const std::vector<std::string> backend_flags;
absl::Status read_backend(GatewayConfig& config);

}  // namespace interlock
