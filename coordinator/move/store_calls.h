// A store's calls, waited for. Not on a thread of the store.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/store/store.h"

namespace interlock {

// All records, by key.
absl::StatusOr<std::map<std::string, Versioned>> load_all(Store& store);

absl::StatusOr<std::vector<Outcome>> commit_all(Store& store, Batch batch);

// All attachments of a key, in order.
absl::StatusOr<std::vector<Attachment>> read_all(Store& store, const std::string& key);

}  // namespace interlock
