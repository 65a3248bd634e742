#include "coordinator/ctl/admin_client.h"

#include <utility>

namespace interlock {

absl::StatusOr<AdminClient> AdminClient::make(const ToolSettings& settings,
                                              std::stop_token stop) {
  absl::StatusOr<CoordinatorCaller> caller = CoordinatorCaller::make(settings, std::move(stop));
  if (!caller.ok()) return caller.status();
  return AdminClient(*std::move(caller));
}

AdminClient::AdminClient(CoordinatorCaller caller)
    : caller_(std::move(caller)), stub_(v1::Admin::NewStub(caller_.channel())) {}

Outcome AdminClient::get(const v1::GetRequest& request, v1::Connection& answer) {
  return caller_.call(*stub_, &v1::Admin::Stub::Get, {.method = "Get", .key = request.key()},
                      request, answer);
}

Outcome AdminClient::list(const v1::ListRequest& request, v1::ListResponse& answer) {
  return caller_.call(*stub_, &v1::Admin::Stub::List, {.method = "List", .key = ""}, request,
                      answer);
}

Outcome AdminClient::history(const v1::HistoryRequest& request, v1::HistoryResponse& answer) {
  return caller_.call(*stub_, &v1::Admin::Stub::History,
                      {.method = "History", .key = request.key()}, request, answer);
}

Outcome AdminClient::explain(const v1::ExplainRequest& request, v1::ExplainResponse& answer) {
  return caller_.call(*stub_, &v1::Admin::Stub::Explain,
                      {.method = "Explain", .key = request.key()}, request, answer);
}

Outcome AdminClient::release(const v1::ForceReleaseRequest& request) {
  v1::ForceReleaseResponse nothing;
  return caller_.call(*stub_, &v1::Admin::Stub::ForceRelease,
                      {.method = "ForceRelease", .key = request.key()}, request, nothing);
}

Outcome AdminClient::gateways(v1::ListGatewaysResponse& answer) {
  return caller_.call(*stub_, &v1::Admin::Stub::ListGateways, {.method = "ListGateways", .key = ""},
                      v1::ListGatewaysRequest(), answer);
}

Outcome AdminClient::drain(const v1::DrainGatewayRequest& request,
                           v1::DrainGatewayResponse& answer) {
  return caller_.call(*stub_, &v1::Admin::Stub::DrainGateway,
                      {.method = "DrainGateway", .key = request.gateway_id()}, request, answer);
}

Outcome AdminClient::stats(v1::StatsResponse& answer) {
  return caller_.call(*stub_, &v1::Admin::Stub::Stats, {.method = "Stats", .key = ""},
                      v1::StatsRequest(), answer);
}

Outcome AdminClient::outbox(const v1::OutboxRequest& request, v1::OutboxResponse& answer) {
  return caller_.call(*stub_, &v1::Admin::Stub::Outbox, {.method = "Outbox", .key = request.key()},
                      request, answer);
}

Outcome AdminClient::kick(const v1::KickRequest& request,
                          const std::function<bool(const v1::KickResponse&)>& take) {
  const Call what{.method = "Kick", .key = request.key()};
  grpc::ClientContext context;
  caller_.authorize(context);
  const std::stop_callback cancel(caller_.stop(), [&context] { context.TryCancel(); });
  if (!caller_.connect_in_time()) {
    return caller_.failure(grpc::Status(grpc::DEADLINE_EXCEEDED, ""), what, false);
  }
  const bool reached = caller_.connected();
  const auto reader = stub_->Kick(&context, request);
  v1::KickResponse answer;
  bool wanted = true;
  while (wanted && reader->Read(&answer)) wanted = take(answer);
  if (!wanted) context.TryCancel();
  const grpc::Status status = reader->Finish();
  if (status.ok() || !wanted) return std::nullopt;
  return caller_.failure(status, what, reached);
}

Outcome AdminClient::watch(const v1::WatchRequest& request, const HeldSignals& signals,
                           int output_fd,
                           const std::function<bool(const v1::WatchResponse&)>& take) {
  return caller_.follow<v1::WatchResponse>(
      {.method = "Watch", .key = request.key()}, signals, output_fd,
      [&](grpc::ClientContext* context) { return stub_->Watch(context, request); }, take);
}

Outcome AdminClient::watch(const v1::WatchRequest& request, const std::stop_token& stop,
                           const std::function<bool(const v1::WatchResponse&)>& take) {
  return caller_.follow<v1::WatchResponse>(
      {.method = "Watch", .key = request.key()}, stop,
      [&](grpc::ClientContext* context) { return stub_->Watch(context, request); }, take);
}

}  // namespace interlock
