// The coordinator, as an operator's tool sees it.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/ctl/call_failure.h"
#include "coordinator/ctl/failure.h"
#include "coordinator/ctl/interruption.h"
#include "coordinator/ctl/settings.h"
#include "interlock/v1/admin.grpc.pb.h"

namespace interlock {

// Each call waits for its answer, at most for the settings' timeout, and is tried once: the
// operator decides about trying again.
class AdminClient {
 public:
  // INVALID_ARGUMENT or what the system said when the token cannot be read. Does not connect yet.
  static absl::StatusOr<AdminClient> make(const ToolSettings& settings);

  Outcome get(const v1::GetRequest& request, v1::Connection& answer);
  Outcome list(const v1::ListRequest& request, v1::ListResponse& answer);
  Outcome history(const v1::HistoryRequest& request, v1::HistoryResponse& answer);

  Outcome explain(const v1::ExplainRequest& request, v1::ExplainResponse& answer);
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

 private:
  template <typename Request, typename Response>
  using Method = grpc::Status (v1::Admin::Stub::*)(grpc::ClientContext*, const Request&, Response*);

  AdminClient(const ToolSettings& settings, std::string token, std::string identity_token);

  template <typename Request, typename Response>
  Outcome call(Method<Request, Response> method, const Call& what, const Request& request,
               Response& answer);
  void authorize(grpc::ClientContext& context) const;
  bool connect_in_time(const Interruption& interruption);
  bool connected() const;
  Failure failure(const grpc::Status& status, const Call& what, bool reached) const;

  ToolSettings settings_;
  std::string token_;
  std::string identity_token_;  // empty: none
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Admin::Stub> stub_;
};

}  // namespace interlock
