// How this gateway's identity travels with calls to the coordinator.
#pragma once

#include <grpcpp/security/credentials.h>

#include <memory>

#include "gateway/metadata_identity.h"

namespace interlock {

// Google's front end checks the ID token in `x-serverless-authorization` when there is one, and
// takes its signature away (docs.cloud.google.com/run/docs/troubleshooting#signature-removed);
// `authorization` then goes through untouched. So the coordinator gets what it can verify.
//
// Both fields carry the token; without one the call fails with UNAVAILABLE and why. `identity` must
// outlive the calls. Also on plain channels, which are for loopback and tests: who makes the
// channel sees to it.
std::shared_ptr<grpc::CallCredentials> identity_credentials(const MetadataIdentity& identity);

// For a call on behalf of somebody whose own token is in `authorization`: opens the front end only.
// Without a token the call goes out without the field.
std::shared_ptr<grpc::CallCredentials> passage_credentials(const MetadataIdentity& identity);

}  // namespace interlock
