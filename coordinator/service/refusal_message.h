// Refusals as messages, without the transport.
#pragma once

#include <string_view>

#include "coordinator/authority/command.h"
#include "interlock/v1/connection.pb.h"

namespace interlock {

v1::Refusal to_proto(const Refusal& refusal);
// "STALE", "NOT_FOUND" ...: for metrics and logs.
std::string_view name_of(const Refusal& refusal);

}  // namespace interlock
