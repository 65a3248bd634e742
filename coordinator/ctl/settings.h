// What holds for every verb: whom to ask, as whom, and how to answer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/channel_credentials.h"
#include "common/service_target.h"
#include "common/settings.h"

namespace interlock {

struct ToolSettings {
  ServiceTarget coordinator;
  std::string token_file;  // empty: no token
  bool json = false;
  absl::Duration timeout;  // above zero, finite
  std::string identity_token_file = {};  // empty: no ID token
  // Whom to ask when `coordinator` cannot be reached, in order.
  std::vector<ServiceTarget> others = {};
  ChannelTls tls = {};  // for coordinators that are https://...
};

// `arguments` holds flags only, without the program's name. INVALID_ARGUMENT is a sentence.
absl::StatusOr<ToolSettings> read_tool_settings(const std::vector<std::string>& arguments,
                                                const Environment& environment);

// Whether a global flag of this name takes a value; nothing if there is no such flag. Knows
// `nojson` too.
std::optional<bool> global_flag_takes_value(std::string_view name);

const std::vector<std::string>& global_flag_names();

// The global flags as `help` shows them.
std::string describe_global_flags();

// The token without the newline at its end; empty when the settings name no file.
absl::StatusOr<std::string> read_token(const ToolSettings& settings);
// The ID token, likewise.
absl::StatusOr<std::string> read_identity_token(const ToolSettings& settings);
// The same of any file; empty for an empty path.
absl::StatusOr<std::string> read_token_file(const std::string& path);

}  // namespace interlock
