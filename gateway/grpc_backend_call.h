// A call to the backend over gRPC. Private to grpc_backend_client.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/backend_call.h"
#include "gateway/grpc_backend_client.h"
#include "interlock/v1/backend.grpc.pb.h"

namespace interlock {

struct GrpcBackendCalls : BackendCalls {
  explicit GrpcBackendCalls(const GrpcBackendSettings& with);

  // Carries the token, and the traceparent unless it is empty.
  std::unique_ptr<grpc::ClientContext> make_context(const std::string& traceparent) const;

  // For one attempt, of any kind, which gives its channel back when it has ended.
  std::size_t take_channel();
  v1::Backend::Stub& stub(std::size_t channel) { return *stubs_[channel]; }
  void give_back(std::size_t channel) { shares_.give_back(channel); }

  GrpcBackendSettings settings;

 private:
  StreamShares shares_;
  std::vector<std::unique_ptr<v1::Backend::Stub>> stubs_;
};

BackendResult result_of(grpc::StatusCode code);
AttemptEnd end_of(const grpc::Status& status);

// Makes the two kinds. A unary one passes the stub's method by `invoke`.
template <typename Request, typename Response>
class UnaryBackendCall final : public BackendCall {
 public:
  using Invoke = std::function<void(v1::Backend::Stub&, grpc::ClientContext*, const Request*,
                                    Response*, std::function<void(grpc::Status)>)>;
  UnaryBackendCall(GrpcBackendCalls& calls, std::uint64_t timeout_ms,
                   std::function<void(BackendAnswer)> done, Request request, Invoke invoke,
                   std::string traceparent = {})
      : BackendCall(calls, timeout_ms, std::move(done)),
        grpc_(calls),
        request_(std::move(request)),
        invoke_(std::move(invoke)),
        traceparent_(std::move(traceparent)) {}

 private:
  void attempt() override {
    context_ = grpc_.make_context(traceparent_);
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(left_ms()));
    const std::size_t channel = grpc_.take_channel();
    invoke_(grpc_.stub(channel), context_.get(), &request_, &response_,
            // Moved on, since gRPC's thread must not be the last to hold a call.
            [this, channel, self = shared_from_this()](const grpc::Status& status) mutable {
              calls_.thread.post([this, channel, self = std::move(self), status] {
                grpc_.give_back(channel);
                attempt_ended(end_of(status));
              });
            });
  }
  void cancel_attempt() override {
    if (context_) context_->TryCancel();
  }

  GrpcBackendCalls& grpc_;
  Request request_;
  Response response_;
  Invoke invoke_;
  std::string traceparent_;
  std::unique_ptr<grpc::ClientContext> context_;
};

std::shared_ptr<BackendCall> make_receive_call(GrpcBackendCalls& calls, v1::ReceiveRequest request,
                                               std::function<void(BackendAnswer)> accepted,
                                               std::function<void(v1::Transient)> transient,
                                               std::string traceparent);

}  // namespace interlock
