// What the tool's exit code says to a script, and the sentence that goes with it.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"

namespace interlock {

enum class ExitCode {
  kOk = 0,
  kFailed = 1,       // none of the others
  kUsage = 2,        // asked in a way that makes no sense
  kNotFound = 3,     // there is no such thing
  kRefused = 4,      // the coordinator was asked and said no
  kUnavailable = 5,  // nobody answered, or not in time: trying again may help
};

// The sentence says what happened and what to do about it.
struct Failure {
  ExitCode code = ExitCode::kFailed;
  std::string sentence;

  friend bool operator==(const Failure&, const Failure&) = default;
};

// Nothing: it worked.
using Outcome = std::optional<Failure>;

// For a sentence about what was typed or set.
inline Failure usage_failure(const absl::Status& status) {
  return {.code = ExitCode::kUsage, .sentence = std::string(status.message())};
}

}  // namespace interlock
