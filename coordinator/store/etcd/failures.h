// What an error of etcd means for a Txn, and for the person who reads it. Pure.
//
// Errors: etcd's v3rpc/rpctypes/error.go. Which of them come before a proposal, and which after:
// EtcdServer.processInternalRaftRequestOnce and the appliers.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"

namespace interlock::etcd {

enum class Verdict : std::uint8_t {
  kChildAtFault,  // surely not applied; of several children perhaps only one is meant
  kFailed,        // surely not applied
  kNextMember,    // surely not applied; another member may do it
  kToken,         // surely not applied; another token may do it
  kUnknown,
};

struct Failure {
  Verdict verdict = Verdict::kUnknown;
  absl::Status reason;  // a sentence; UNAVAILABLE: it may go away by itself
};

// `code`: a grpc::StatusCode, not OK.
Failure failure_of(int code, std::string_view message);

// Whether the member is to be left: it may be down, cut off or frozen.
bool points_at_member(const Failure& failure);

}  // namespace interlock::etcd
