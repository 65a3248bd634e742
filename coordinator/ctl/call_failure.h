// Why a call to the coordinator did not work, and what the operator can do about it.
#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "coordinator/ctl/failure.h"
#include "coordinator/ctl/settings.h"

namespace interlock {

// What was asked.
struct Call {
  std::string method;  // of interlock.v1.Admin: `Get`
  std::string key;     // of the connection that it is about; empty if it is about none
};

// `status` is not OK. `reached`: there was a connection to somebody who speaks gRPC, so the answer
// is the coordinator's own.
Failure call_failure(const grpc::Status& status, const Call& call, const ToolSettings& settings,
                     bool reached);

}  // namespace interlock
