#include "gateway/make_backend.h"

#include <utility>

#include "gateway/grpc_backend_client.h"
#include "gateway/webhook_backend_client.h"

namespace interlock {
namespace {

template <typename Client, typename Settings>
MadeBackend made(const Settings& settings) {
  auto client = std::make_unique<Client>(settings);
  const BackendCounters* counters = &client->counters();
  return {std::move(client), counters};
}

}  // namespace

MadeBackend make_backend(const GatewayConfig& config, std::function<bool()> may_act) {
  if (!config.backend) return {};
  if (config.webhook_key.empty()) {
    GrpcBackendSettings settings;
    settings.target = *config.backend;
    settings.token = config.backend_token;
    settings.may_act = std::move(may_act);
    return made<GrpcBackendClient>(settings);
  }
  WebhookBackendSettings settings;
  settings.url = *config.backend;
  settings.key = config.webhook_key;
  settings.token = config.backend_token;
  settings.ca_file = config.webhook_ca_file;
  settings.may_act = std::move(may_act);
  return made<WebhookBackendClient>(settings);
}

}  // namespace interlock
