#include "coordinator/ctl/coordinator_caller.h"

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

// Somebody is looking on: a coordinator that is back is to be noticed.
constexpr int reconnect_ms_max = 1'000;

std::shared_ptr<grpc::Channel> make_channel(const ServiceTarget& coordinator,
                                            const ChannelTls& tls) {
  // gRPC would write its own lines between our sentences.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, keepalive_ms);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, reconnect_ms_max);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A proxy for the web cannot know what this machine's own loopback is.
  if (is_loopback(coordinator.address.host)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // The scheme is spelt out, or a host called `unix` would be one.
  return grpc::CreateCustomChannel("dns:///" + to_string(coordinator.address),
                                   coordinator.tls ? tls_credentials(tls)
                                                   : grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace

absl::StatusOr<CoordinatorCaller> CoordinatorCaller::make(const ToolSettings& settings,
                                                          std::stop_token stop) {
  const absl::StatusOr<std::string> token = read_token(settings);
  if (!token.ok()) return token.status();
  const absl::StatusOr<std::string> identity = read_identity_token(settings);
  if (!identity.ok()) return identity.status();
  const Tokens tokens{*token, *identity};
  CoordinatorCaller first(settings, tokens, stop);
  if (settings.others.empty() || (first.connect_in_time() && first.connected())) {
    return first;
  }
  for (const ServiceTarget& other : settings.others) {
    ToolSettings changed = settings;
    changed.coordinator = other;
    CoordinatorCaller caller(std::move(changed), tokens, stop);
    if (caller.connect_in_time() && caller.connected()) return caller;
  }
  return first;
}

CoordinatorCaller::CoordinatorCaller(ToolSettings settings, Tokens tokens, std::stop_token stop)
    : settings_(std::move(settings)),
      tokens_(std::move(tokens)),
      channel_(make_channel(settings_.coordinator, settings_.tls)),
      stop_(std::move(stop)) {}

void CoordinatorCaller::prepare(grpc::ClientContext& context) const {
  authorize(context);
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMilliseconds(settings_.timeout));
}

void CoordinatorCaller::authorize(grpc::ClientContext& context) const {
  // Google's front end takes the signature away from the field that it looks at, and it looks at
  // this one first: what the coordinator verifies is in the other.
  if (!tokens_.identity.empty()) {
    context.AddMetadata("x-serverless-authorization", "Bearer " + tokens_.identity);
  }
  const std::string& token = tokens_.token.empty() ? tokens_.identity : tokens_.token;
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
}

bool CoordinatorCaller::connect_in_time(const std::function<bool()>& stopped) {
  const auto deadline =
      std::chrono::system_clock::now() + absl::ToChronoMilliseconds(settings_.timeout);
  for (;;) {
    const grpc_connectivity_state state = channel_->GetState(true);
    if (stopped()) return false;
    if (state == GRPC_CHANNEL_READY || state == GRPC_CHANNEL_TRANSIENT_FAILURE) return true;
    const auto now = std::chrono::system_clock::now();
    if (now >= deadline) return false;
    channel_->WaitForStateChange(state, now + connect_poll);
  }
}

bool CoordinatorCaller::connected() const {
  return channel_->GetState(false) == GRPC_CHANNEL_READY;
}

Failure CoordinatorCaller::failure(const grpc::Status& status, const Call& what,
                                   bool reached) const {
  return call_failure(status, what, settings_, reached);
}

}  // namespace interlock
