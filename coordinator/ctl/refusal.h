// Why the coordinator said no, in a sentence.
#pragma once

#include <grpcpp/support/status.h>

#include <optional>
#include <string>

#include "interlock/v1/connection.pb.h"

namespace interlock {

// What stands in `grpc-status-details-bin`; nothing if there is none, or none that this build
// knows.
std::optional<v1::Refusal> refusal_in(const grpc::Status& status);

// Safe to print. `key` is the connection that was asked for; empty if it was none.
std::string human_sentence(const v1::Refusal& refusal, const std::string& key);

// Also for a coordinator that sent no details.
std::string not_found_sentence(const std::string& key);

}  // namespace interlock
