// What a message of etcd's watch says. Pure.
#pragma once

#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/store/etcd/failures.h"
#include "coordinator/store/etcd/layout.h"
#include "coordinator/store/store.h"
#include "etcd/rpc.pb.h"

namespace interlock::etcd {

struct Shown {
  std::vector<Change> changes;
  Position through;
};
struct Lost {
  absl::Status reason;  // the position is lost
};
// Nothing (the watch was made), changes, a position that is lost, or a watch that was refused.
using WatchNews = std::variant<std::monostate, Shown, Lost, Failure>;

// All changes of one revision come in one message. Its header may name a later revision than the
// last of its events while a watch catches up, so only the events are believed.
WatchNews read_watch_response(const Layout& layout, etcdserverpb::WatchResponse& response);

}  // namespace interlock::etcd
