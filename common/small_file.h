// Reading a key, a certificate or a token from where the platform mounted it.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace interlock {

// The whole file, byte for byte. The status is a sentence that names the file, and never quotes
// what is in it: RESOURCE_EXHAUSTED when it is longer than `bytes_max`, otherwise what the system
// said.
absl::StatusOr<std::string> read_small_file(const std::string& path, std::size_t bytes_max);

}  // namespace interlock
