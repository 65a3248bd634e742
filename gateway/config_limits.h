// How much and how long: the part of a gateway's settings that seldom needs to be touched.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gateway/config.h"

namespace interlock {

extern const std::vector<std::string> limit_flags;  // the names of its flags

// Fills in threads, drain_budget and limits; the status names the flag that makes no sense.
absl::Status read_limits(GatewayConfig& config);

}  // namespace interlock
