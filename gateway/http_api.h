// Serves the HTTP API beside the WebSockets of one event loop.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "gateway/api_client.h"
#include "gateway/api_request.h"
#include "gateway/gateway_metrics.h"
#include "gateway/websocket.h"

namespace interlock {

struct HttpApiLimits {
  std::size_t requests_max = 256;           // under way in the gateway; one more gets 429
  std::uint64_t body_timeout_ms = 10'000;  // from the head to the whole body; then it is cut off
  std::uint64_t answer_timeout_ms = 6'000;  // for the coordinator, above the client's own deadline
};

// A request is read, asked and answered, and its connection ends. Everything happens on the loop.
class HttpApi {
 public:
  // `client`: none when the API is not served; then everybody is told so. `under_way` counts the
  // requests of all loops.
  HttpApi(LoopExecutor executor, const HttpApiLimits& limits, ApiClient* client,
          GatewayMetrics& metrics, std::shared_ptr<std::atomic<std::size_t>> under_way);

  // Takes over a socket whose head is read.
  void serve(std::shared_ptr<ClientSocket> socket);
  // Cuts those that have not said yet what they want.
  void cut_unread();
  // Cuts all of them.
  void cut();

 private:
  Task<void> exchange(std::shared_ptr<ClientSocket> socket);
  Task<std::optional<HttpAnswer>> answer_to(std::shared_ptr<ClientSocket> socket, ApiCall call);
  Task<std::optional<HttpAnswer>> publish(std::shared_ptr<ClientSocket> socket, ApiCall call);
  Task<HttpAnswer> look(ApiCall call);
  void answer(ClientSocket& socket, const HttpAnswer& answer);

  LoopExecutor executor_;
  HttpApiLimits limits_;
  ApiClient* client_;
  GatewayMetrics& metrics_;
  std::shared_ptr<std::atomic<std::size_t>> under_way_;
  std::unordered_set<std::shared_ptr<ClientSocket>> unread_;  // their body is awaited
  std::unordered_set<std::shared_ptr<ClientSocket>> serving_;  // all of them
};

}  // namespace interlock
