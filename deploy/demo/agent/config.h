// What the demonstration's agent was asked to do.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/channel_credentials.h"
#include "common/host_port.h"
#include "common/service_target.h"
#include "deploy/demo/agent/agent.h"

namespace interlock {

struct AgentConfig {
  HostPort listen;
  std::optional<HostPort> http_listen;
  ServiceTarget coordinator;
  ChannelTls coordinator_tls;
  std::string coordinator_token;  // empty: none is sent
  AgentSettings agent;
};

// Flags, PORT, INTERLOCK_* and defaults, checked. The status is a sentence.
absl::StatusOr<AgentConfig> read_config(int argc, const char* const* argv);

}  // namespace interlock
