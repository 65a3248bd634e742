// Whether an etcd cluster is fit to be relied on.
#pragma once

#include <string>

#include "coordinator/store/store_check.h"

namespace interlock::etcd {

// Asks every member that the URL names, and makes a few durable writes under its prefix to see how
// long they take. Blocks, for some seconds at most where nobody answers.
StoreCheck check_etcd(const std::string& url);

}  // namespace interlock::etcd
