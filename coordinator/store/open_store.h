// Opens the store that a URL names.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "coordinator/store/store.h"

namespace interlock {

// `memory:` and `rocksdb:DIRECTORY`. Whatever else is wrong is said in a sentence. On Cloud Run,
// where K_SERVICE is set, a directory is memory that goes with the container: unless `volatile_ok`
// says that this is wanted, the rocksdb store refuses.
absl::StatusOr<std::unique_ptr<Store>> open_store(std::string_view url, bool volatile_ok = false);

}  // namespace interlock
