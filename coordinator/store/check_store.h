// Whether a store is fit to be relied on: `interlock-coordinator --check_store URL`.
#pragma once

#include <string>
#include <string_view>

#include "coordinator/store/open_store.h"
#include "coordinator/store/store_check.h"

namespace interlock {

// Opens the store as a coordinator would, and commits a few times to see how long that takes; what
// it writes is gone when it returns. Blocks, for some seconds at most where nobody answers.
StoreCheck check_store(const std::string& url, const OpenStoreOptions& options = {});

// False when something is kRefused.
bool is_fit(const StoreCheck& check);

// As lines of text, one for each finding and promise.
std::string to_text(const StoreCheck& check);

}  // namespace interlock
