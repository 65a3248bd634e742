// Where traces go, as the person who starts a service says it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace interlock {

struct TraceSettings {
  std::string url;  // where spans are posted; empty: nowhere
  double sample_ratio = 0;  // of the traces that begin here, 0 to 1
  std::string project_id;  // of Google Cloud, for the log; empty: none
};

// For parse_settings, which sets them.
extern const std::vector<std::string> trace_flags;

// The status is a sentence.
absl::StatusOr<TraceSettings> read_trace_settings();

}  // namespace interlock
