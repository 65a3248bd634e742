// How full the members are. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/store/etcd/settings.h"
#include "etcd/rpc.pb.h"

namespace interlock::etcd {

struct Space {
  std::optional<std::string> low;  // a sentence for who is refused
  absl::Status full;               // not OK: nothing can be promised
};

// Of the fullest of the members that answered. What counts as used is what a defragmentation would
// leave: free pages inside the file are used before it grows. Nested puts pass by etcd's own check
// of the quota (costTxnReq in etcd's etcdserver/quota.go), so it is kept here. Once low, room stays
// low until five hundredths less are used.
Space space_of(const std::vector<etcdserverpb::StatusResponse>& members, const Settings& settings,
               bool was_low);

}  // namespace interlock::etcd
