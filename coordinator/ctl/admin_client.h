// The coordinator, as an operator's tool sees it.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <utility>

#include "absl/status/statusor.h"
#include "coordinator/ctl/coordinator_caller.h"
#include "coordinator/ctl/failure.h"
#include "coordinator/ctl/interruption.h"
#include "coordinator/ctl/settings.h"
#include "interlock/v1/admin.grpc.pb.h"

namespace interlock {

// Each call waits for its answer, at most for the settings' timeout, and is tried once: the
// operator decides about trying again.
class AdminClient {
 public:
  // As CoordinatorCaller::make.
  static absl::StatusOr<AdminClient> make(const ToolSettings& settings, std::stop_token stop = {});
  explicit AdminClient(CoordinatorCaller caller);

  const ServiceTarget& coordinator() const { return caller_.coordinator(); }

  Outcome get(const v1::GetRequest& request, v1::Connection& answer);
  Outcome list(const v1::ListRequest& request, v1::ListResponse& answer);
  Outcome history(const v1::HistoryRequest& request, v1::HistoryResponse& answer);

  Outcome explain(const v1::ExplainRequest& request, v1::ExplainResponse& answer);
  Outcome outbox(const v1::OutboxRequest& request, v1::OutboxResponse& answer);
  Outcome release(const v1::ForceReleaseRequest& request);
  Outcome gateways(v1::ListGatewaysResponse& answer);
  Outcome drain(const v1::DrainGatewayRequest& request, v1::DrainGatewayResponse& answer);
  Outcome stats(v1::StatsResponse& answer);

  // Calls `take` for each answer until it returns false or there are no more. Not bounded in time:
  // it goes on for as long as there are connections to kick.
  Outcome kick(const v1::KickRequest& request,
               const std::function<bool(const v1::KickResponse&)>& take);

  // Calls `take` for each answer until it returns false, the coordinator ends the stream, a signal
  // comes, or nobody reads `output_fd` any more. Only reaching the coordinator has the timeout.
  Outcome watch(const v1::WatchRequest& request, const HeldSignals& signals, int output_fd,
                const std::function<bool(const v1::WatchResponse&)>& take);
  // The same, until `stop` is asked for.
  Outcome watch(const v1::WatchRequest& request, const std::stop_token& stop,
                const std::function<bool(const v1::WatchResponse&)>& take);

 private:
  CoordinatorCaller caller_;
  std::unique_ptr<v1::Admin::Stub> stub_;
};

}  // namespace interlock
