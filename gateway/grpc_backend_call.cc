#include "gateway/grpc_backend_call.h"

#include "common/trace_context.h"
#include "gateway/grpc_channel.h"

namespace interlock {
namespace {

AttemptOutcome outcome_of(grpc::StatusCode code) {
  if (code == grpc::StatusCode::UNAVAILABLE) return AttemptOutcome::kNotReached;
  return result_of(code) == BackendResult::kUnavailable ? AttemptOutcome::kOverloaded
                                                        : AttemptOutcome::kAnswered;
}

}  // namespace

BackendResult result_of(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return BackendResult::kOk;
    case grpc::StatusCode::ABORTED:
      return BackendResult::kRefused;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return BackendResult::kUnavailable;
    default:
      return BackendResult::kRejected;
  }
}

GrpcBackendCalls::GrpcBackendCalls(const GrpcBackendSettings& with)
    : BackendCalls({with.calls_max, with.attempts, with.may_act}),
      settings(with),
      shares_(with.shares) {}

std::size_t GrpcBackendCalls::take_channel() {
  const std::size_t channel = shares_.take();
  if (channel == stubs_.size()) {
    stubs_.push_back(v1::Backend::NewStub(make_channel(settings.target)));
  }
  return channel;
}

std::unique_ptr<grpc::ClientContext> GrpcBackendCalls::make_context(
    const std::string& traceparent) const {
  auto context = std::make_unique<grpc::ClientContext>();
  add_token(*context, settings.token);
  if (!traceparent.empty()) context->AddMetadata(std::string(traceparent_name), traceparent);
  return context;
}

AttemptEnd end_of(const grpc::Status& status) {
  return {outcome_of(status.error_code()),
          {result_of(status.error_code()), status.error_message()}};
}

}  // namespace interlock
