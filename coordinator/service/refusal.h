// Refusals as they leave: the message for streams, a gRPC status with details for unary calls.
#pragma once

#include <grpcpp/support/status.h>

#include "coordinator/authority/command.h"
#include "interlock/v1/connection.pb.h"

namespace interlock {

v1::Refusal to_proto(const Refusal& refusal);
// The code and a sentence for people; the v1::Refusal is in the status's binary details.
grpc::Status to_status(const Refusal& refusal);
// "STALE", "NOT_FOUND" ...: for metrics and logs.
std::string_view name_of(const Refusal& refusal);

}  // namespace interlock
