// Why the coordinator refused a unary call, as its caller finds it.
#pragma once

#include <optional>
#include <string>

#include "interlock/v1/connection.pb.h"

namespace interlock {

// What stands in `grpc-status-details-bin`; nothing if there is none, or none that this build
// knows.
std::optional<v1::Refusal> refusal_in_details(const std::string& details);

// "STALE", "NOT_FOUND" ...: the name of the reason as in the .proto file, in capitals.
std::string reason_name(const v1::Refusal& refusal);

}  // namespace interlock
