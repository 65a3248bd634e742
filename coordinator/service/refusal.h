// Refusals as unary calls give them: a gRPC status with details.
#pragma once

#include <grpcpp/support/status.h>

#include "coordinator/service/refusal_message.h"

namespace interlock {

// The code and a sentence for people; the v1::Refusal is in the status's binary details.
grpc::Status to_status(const Refusal& refusal);

}  // namespace interlock
