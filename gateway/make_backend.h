// The client of the backend that the settings name.
#pragma once

#include <functional>
#include <memory>

#include "gateway/backend_client.h"
#include "gateway/backend_counters.h"
#include "gateway/config.h"

namespace interlock {

struct MadeBackend {
  std::unique_ptr<BackendClient> client;      // none: there is no backend
  const BackendCounters* counters = nullptr;  // the client's, as long as it lives
};

// gRPC for host:port, a webhook for a URL. `may_act` is asked before each attempt.
MadeBackend make_backend(const GatewayConfig& config, std::function<bool()> may_act);

}  // namespace interlock
