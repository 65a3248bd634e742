// What is asked of a cluster before anything is kept in it.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/store/etcd/client.h"
#include "coordinator/store/etcd/layout.h"
#include "coordinator/store/etcd/touch.h"

namespace interlock::etcd {

// Makes a durable write, reads and, where there is none yet, writes the format of what is kept, and
// looks at the version. Calls `done` on the loop with that, or with why the store must not be
// opened.
void greet(Client& client, Touch& touch, const Layout& layout,
           std::function<void(absl::StatusOr<std::string> version)> done);

}  // namespace interlock::etcd
