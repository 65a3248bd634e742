#include "deploy/demo/agent/publisher.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "common/log.h"

namespace interlock {
namespace {

using Kind = PublishOutcome::Kind;

constexpr std::chrono::seconds publish_deadline{5};
// gRPC's own wait between two attempts to connect begins at 1 s and grows to 120 s, which is longer
// than a coordinator takes to come back.
constexpr int reconnect_initial_ms = 100;
constexpr int reconnect_max_ms = 1'000;
// A coordinator's machine may vanish without a word.
constexpr int keepalive_ms = 20'000;
constexpr int keepalive_timeout_ms = 5'000;

std::shared_ptr<grpc::Channel> open_channel(const ServiceTarget& coordinator,
                                            const ChannelTls& tls) {
  grpc::ChannelArguments arguments;
  // A proxy for the web cannot know what this machine's own loopback is.
  if (is_loopback(coordinator.address.host)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, reconnect_initial_ms);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, reconnect_max_ms);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, reconnect_max_ms);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, keepalive_ms);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, keepalive_timeout_ms);
  // The scheme is spelt out, or a host called `unix` would be one.
  return grpc::CreateCustomChannel("dns:///" + to_string(coordinator.address),
                                   coordinator.tls ? tls_credentials(tls)
                                                   : grpc::InsecureChannelCredentials(),
                                   arguments);
}

std::optional<v1::Refusal> refusal_of(const grpc::Status& status) {
  v1::ErrorStatus error;
  v1::Refusal refusal;
  if (!error.ParseFromString(status.error_details())) return std::nullopt;
  for (const auto& detail : error.details()) {
    if (detail.UnpackTo(&refusal)) return refusal;
  }
  return std::nullopt;
}

PublishOutcome outcome_of(const v1::Refusal& refusal) {
  switch (refusal.reason_case()) {
    case v1::Refusal::kAlreadyAccepted:
      return {Kind::already_accepted, refusal.already_accepted().last_number()};
    case v1::Refusal::kOutOfOrder:
      return {Kind::out_of_order, refusal.out_of_order().last_number()};
    case v1::Refusal::kGone:
    case v1::Refusal::kNotFound:
      return {Kind::connection_ended};
    case v1::Refusal::kNotNow:
    case v1::Refusal::kStoreAway:
    case v1::Refusal::kResourceExhausted:
      return {Kind::try_again};
    default:
      return {Kind::refused};
  }
}

PublishOutcome outcome_of(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return {Kind::accepted};
    case grpc::StatusCode::NOT_FOUND:
      return {Kind::connection_ended};
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::UNIMPLEMENTED:
      return {Kind::refused};
    default:
      return {Kind::try_again};
  }
}

}  // namespace

PublishOutcome outcome_of(const grpc::Status& status) {
  if (!status.ok()) {
    if (const auto refusal = refusal_of(status)) return outcome_of(*refusal);
  }
  return outcome_of(status.error_code());
}

struct Publisher::Call {
  explicit Call(boost::asio::io_context& io) : work(boost::asio::make_work_guard(io)) {}

  // The io_context runs until the answer is there.
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  grpc::ClientContext context;
  v1::PublishRequest request;
  v1::Receipt receipt;
  std::function<void(PublishOutcome)> done;
};

Publisher::Publisher(boost::asio::io_context& io, const ServiceTarget& coordinator,
                     const ChannelTls& tls, std::string token)
    : io_(io),
      events_(v1::Events::NewStub(open_channel(coordinator, tls))),
      token_(std::move(token)) {}

void Publisher::publish(v1::PublishRequest request, std::function<void(PublishOutcome)> done) {
  auto call = std::make_shared<Call>(io_);
  call->request = std::move(request);
  call->done = std::move(done);
  call->context.set_deadline(std::chrono::system_clock::now() + publish_deadline);
  if (!token_.empty()) call->context.AddMetadata("authorization", "Bearer " + token_);
  calls_.insert(call);
  events_->async()->Publish(&call->context, &call->request, &call->receipt,
                            [this, call = call.get()](const grpc::Status& status) {
                              boost::asio::post(io_,
                                                [this, call, status] { answered(call, status); });
                            });
}

void Publisher::answered(Call* call, const grpc::Status& status) {
  const auto outcome = outcome_of(status);
  if (outcome.kind != Kind::accepted) {
    // A coordinator that is away for a moment is no news: the run tells when it gives up.
    log_at(outcome.kind == Kind::try_again ? LogLevel::debug : LogLevel::info,
           "Publishing was not accepted.",
           {{"key", call->request.key()},
            {"run", call->request.run()},
            {"number", call->request.number()},
            {"outcome", name_of(outcome.kind)},
            {"error", status.error_message()}});
  }
  auto done = std::move(call->done);
  std::erase_if(calls_, [call](const auto& known) { return known.get() == call; });
  done(outcome);
}

void Publisher::stop() {
  for (const auto& call : calls_) call->context.TryCancel();
}

}  // namespace interlock
