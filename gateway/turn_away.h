// Tells a client no, and sees it off.
#pragma once

#include <cstdint>
#include <memory>

#include "gateway/gateway_metrics.h"
#include "gateway/token_bucket.h"
#include "gateway/websocket.h"

namespace interlock {

// One for each event loop. A browser is given a 101 and the close code, as long as the rate allows
// for that work; everybody else the HTTP status.
class TurnAway {
 public:
  TurnAway(LoopExecutor executor, GatewayMetrics& metrics, double browser_closes_per_second_max,
           std::uint64_t close_timeout_ms);

  // Before the upgrade. `reason` is for the metrics.
  void refuse(std::shared_ptr<ClientSocket> socket, const RefuseUpgrade& refusal,
              const AnswerForm& form, std::string_view reason);

 private:
  LoopExecutor executor_;
  GatewayMetrics& metrics_;
  TokenBucket browser_closes_;
  std::uint64_t close_timeout_ms_;
};

}  // namespace interlock
