// What an event says, as it was typed or piped in.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace interlock {

// `operand`, or all of standard input when it is `-`, without the white space around it. The status
// is a sentence: too long, or not one JSON value, and where it stops being one.
absl::StatusOr<std::string> read_event_data(const std::string& operand);

// The same for a text that is there already.
absl::StatusOr<std::string> check_event_data(const std::string& text);

}  // namespace interlock
