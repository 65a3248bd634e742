// Which versions of etcd this store is safe over, and what is wrong with some. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace interlock::etcd {

// Refuses versions before 3.4, with a sentence.
absl::Status check_version(std::string_view version);

// What is wrong with this one, a clause for each. The lease bugs do not matter to this store, which
// takes no leases, but to others who use the cluster.
std::vector<std::string> version_bugs(std::string_view version);

constexpr std::string_view kVersionAdvice = "Run 3.5.30, 3.6.11 or later.";

// All of them in one line, with what to do; empty where there are none.
std::string version_warning(std::string_view version);

}  // namespace interlock::etcd
