// Opens the store that a URL names.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "coordinator/store/store.h"

namespace interlock {

struct OpenStoreOptions {
  // The rocksdb store also on Cloud Run (where K_SERVICE is set), whose disk is memory that goes
  // with the container.
  bool volatile_ok = false;
  // PostgreSQL also when it answers before a commit is durable.
  bool asynchronous_commit_ok = false;
};

// `memory:`, `rocksdb:DIRECTORY`, `postgres://user:password@host[,host...]/database` and
// `etcd://user:password@host[,host...]/prefix` (see etcd/settings.h). Whatever is wrong is said in
// a sentence, without a password.
absl::StatusOr<std::unique_ptr<Store>> open_store(std::string_view url,
                                                  const OpenStoreOptions& options = {});

// The URL as it may be shown: without a password.
std::string shown_store_url(std::string_view url);

}  // namespace interlock
