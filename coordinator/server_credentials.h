// How the coordinator's listener proves itself, and what it asks of who connects.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "absl/status/statusor.h"
#include "coordinator/config_identity.h"

namespace interlock {

// Plain without a certificate. With one: TLS, and files that change are read again within
// tls_refresh_s, without touching the connections that there are. Clients are asked for a
// certificate with --auth=mtls, and must have one if there is no other way to prove who they are.
// The status is a sentence.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> make_server_credentials(
    const IdentityConfig& config);

inline constexpr unsigned tls_refresh_s = 5;

}  // namespace interlock
