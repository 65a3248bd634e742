#include "coordinator/ctl/admin_client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <cstdlib>
#include <utility>

namespace interlock {
namespace {

// How long an interruption may go unnoticed while the first connection is made.
constexpr auto connect_poll = std::chrono::milliseconds(50);

// Above what every server accepts by default (five minutes), so that a watch through a connection
// that broke in silence ends one day.
constexpr int keepalive_ms = 310'000;

std::shared_ptr<grpc::Channel> make_channel(const HostPort& coordinator) {
  // gRPC would write its own lines between our sentences.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, keepalive_ms);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A proxy for the web cannot know what this machine's own loopback is.
  if (is_loopback(coordinator.host)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // The scheme is spelt out, or a host called `unix` would be one.
  return grpc::CreateCustomChannel("dns:///" + to_string(coordinator),
                                   grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

absl::StatusOr<AdminClient> AdminClient::make(const ToolSettings& settings) {
  absl::StatusOr<std::string> token = read_token(settings);
  if (!token.ok()) return token.status();
  absl::StatusOr<std::string> identity_token = read_identity_token(settings);
  if (!identity_token.ok()) return identity_token.status();
  return AdminClient(settings, *std::move(token), *std::move(identity_token));
}

AdminClient::AdminClient(const ToolSettings& settings, std::string token,
                         std::string identity_token)
    : settings_(settings),
      token_(std::move(token)),
      identity_token_(std::move(identity_token)),
      channel_(make_channel(settings.coordinator)),
      stub_(v1::Admin::NewStub(channel_)) {}

Outcome AdminClient::get(const v1::GetRequest& request, v1::Connection& answer) {
  return call(&v1::Admin::Stub::Get, {.method = "Get", .key = request.key()}, request, answer);
}

Outcome AdminClient::list(const v1::ListRequest& request, v1::ListResponse& answer) {
  return call(&v1::Admin::Stub::List, {.method = "List", .key = ""}, request, answer);
}

Outcome AdminClient::history(const v1::HistoryRequest& request, v1::HistoryResponse& answer) {
  return call(&v1::Admin::Stub::History, {.method = "History", .key = request.key()}, request,
              answer);
}

Outcome AdminClient::explain(const v1::ExplainRequest& request, v1::ExplainResponse& answer) {
  return call(&v1::Admin::Stub::Explain, {.method = "Explain", .key = request.key()}, request,
              answer);
}

Outcome AdminClient::release(const v1::ForceReleaseRequest& request) {
  v1::ForceReleaseResponse nothing;
  return call(&v1::Admin::Stub::ForceRelease, {.method = "ForceRelease", .key = request.key()},
              request, nothing);
}

Outcome AdminClient::gateways(v1::ListGatewaysResponse& answer) {
  return call(&v1::Admin::Stub::ListGateways, {.method = "ListGateways", .key = ""},
              v1::ListGatewaysRequest(), answer);
}

Outcome AdminClient::drain(const v1::DrainGatewayRequest& request,
                           v1::DrainGatewayResponse& answer) {
  return call(&v1::Admin::Stub::DrainGateway,
              {.method = "DrainGateway", .key = request.gateway_id()}, request, answer);
}

Outcome AdminClient::stats(v1::StatsResponse& answer) {
  return call(&v1::Admin::Stub::Stats, {.method = "Stats", .key = ""}, v1::StatsRequest(), answer);
}

Outcome AdminClient::kick(const v1::KickRequest& request,
                          const std::function<bool(const v1::KickResponse&)>& take) {
  const Call what{.method = "Kick", .key = request.key()};
  grpc::ClientContext context;
  authorize(context);
  const auto deadline =
      std::chrono::system_clock::now() + absl::ToChronoMilliseconds(settings_.timeout);
  if (!channel_->WaitForConnected(deadline) && !connected()) {
    return failure(grpc::Status(grpc::DEADLINE_EXCEEDED, ""), what, false);
  }
  const auto reader = stub_->Kick(&context, request);
  v1::KickResponse answer;
  bool wanted = true;
  while (wanted && reader->Read(&answer)) wanted = take(answer);
  if (!wanted) context.TryCancel();
  const grpc::Status status = reader->Finish();
  if (status.ok() || !wanted) return std::nullopt;
  return failure(status, what, true);
}

Outcome AdminClient::watch(const v1::WatchRequest& request, const HeldSignals& signals,
                           int output_fd,
                           const std::function<bool(const v1::WatchResponse&)>& take) {
  const Call what{.method = "Watch", .key = request.key()};
  grpc::ClientContext context;
  authorize(context);
  const Interruption interruption(signals, output_fd, [&context] { context.TryCancel(); });
  if (!connect_in_time(interruption)) {
    if (interruption.happened()) return std::nullopt;
    return failure(grpc::Status(grpc::DEADLINE_EXCEEDED, ""), what, false);
  }
  const bool reached = connected();
  const auto reader = stub_->Watch(&context, request);
  v1::WatchResponse answer;
  bool wanted = true;
  while (wanted && reader->Read(&answer)) wanted = take(answer);
  if (!wanted) context.TryCancel();
  const grpc::Status status = reader->Finish();
  if (status.ok() || !wanted || interruption.happened()) return std::nullopt;
  return failure(status, what, reached);
}

template <typename Request, typename Response>
Outcome AdminClient::call(Method<Request, Response> method, const Call& what,
                          const Request& request, Response& answer) {
  grpc::ClientContext context;
  authorize(context);
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMilliseconds(settings_.timeout));
  const grpc::Status status = (*stub_.*method)(&context, request, &answer);
  if (status.ok()) return std::nullopt;
  return failure(status, what, connected());
}

void AdminClient::authorize(grpc::ClientContext& context) const {
  // Google's front end takes the signature away from the field that it looks at, and it looks at
  // this one first: what the coordinator verifies is in the other.
  if (!identity_token_.empty()) {
    context.AddMetadata("x-serverless-authorization", "Bearer " + identity_token_);
  }
  const std::string& token = token_.empty() ? identity_token_ : token_;
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
}

// Returns when there is a connection, or it is known that there is none: the call itself then says
// why. False: neither in time, or interrupted.
bool AdminClient::connect_in_time(const Interruption& interruption) {
  const auto deadline =
      std::chrono::system_clock::now() + absl::ToChronoMilliseconds(settings_.timeout);
  for (;;) {
    const grpc_connectivity_state state = channel_->GetState(true);
    if (interruption.happened()) return false;
    if (state == GRPC_CHANNEL_READY || state == GRPC_CHANNEL_TRANSIENT_FAILURE) return true;
    const auto now = std::chrono::system_clock::now();
    if (now >= deadline) return false;
    channel_->WaitForStateChange(state, now + connect_poll);
  }
}

bool AdminClient::connected() const { return channel_->GetState(false) == GRPC_CHANNEL_READY; }

Failure AdminClient::failure(const grpc::Status& status, const Call& what, bool reached) const {
  return call_failure(status, what, settings_, reached);
}

}  // namespace interlock
