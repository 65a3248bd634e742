// What the person who starts a coordinator wants of it, checked.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/host_port.h"
#include "common/log.h"
#include "common/trace_settings.h"
#include "coordinator/config_identity.h"
#include "coordinator/engine/engine_types.h"
#include "coordinator/service/attach_stream.h"
#include "coordinator/store/open_store.h"

namespace interlock {

struct CoordinatorConfig {
  HostPort listen;             // gRPC: gateways, backends, operators
  HostPort http_listen;        // health and metrics
  std::string store;           // URL
  OpenStoreOptions store_options;
  std::string check_store;  // this store is looked at, and nothing is served; empty: none
  IdentityConfig identity;
  LogLevel log_level = LogLevel::info;
  TraceSettings traces;
  EngineLimits limits;
  AttachLimits attach;
  std::uint64_t drain_ms = 8'000;  // what SIGTERM leaves to finish what is under way
};

// From flags, PORT and INTERLOCK_*. INVALID_ARGUMENT is a sentence for the person who typed it.
absl::StatusOr<CoordinatorConfig> read_coordinator_config(int argc, const char* const* argv);

}  // namespace interlock
