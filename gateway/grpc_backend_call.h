// One call to the backend, with its attempts. Private to grpc_backend_client.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <unordered_set>
#include <utility>

#include "gateway/client_thread.h"
#include "gateway/grpc_backend_client.h"
#include "interlock/v1/backend.grpc.pb.h"

namespace interlock {

class BackendCall;

// What all calls share; everything is used on the client's thread only, but for `thread.post`.
struct BackendCalls {
  explicit BackendCalls(const GrpcBackendSettings& with);

  double random() { return distribution(generator); }
  void count(BackendResult result);
  void stop();
  void ended(const std::shared_ptr<BackendCall>& call);

  GrpcBackendSettings settings;
  std::unique_ptr<v1::Backend::Stub> stub;
  BackendAttempts attempts;
  BackendCounters counters;
  std::unordered_set<std::shared_ptr<BackendCall>> under_way;
  bool stopping = false;
  std::mt19937_64 generator{std::random_device{}()};
  std::uniform_real_distribution<double> distribution{0.0, 1.0};
  ClientThread thread;
};

// Lives until its last attempt has ended and its answer is given.
class BackendCall : public std::enable_shared_from_this<BackendCall> {
 public:
  BackendCall(BackendCalls& calls, std::uint64_t timeout_ms,
              std::function<void(BackendAnswer)> done);
  virtual ~BackendCall() = default;

  void start();
  // The client ends: answers now, if it has not yet.
  void stop();

 protected:
  // Begins one attempt, in a context that carries the token; each ends with attempt_ended().
  virtual void attempt() = 0;
  virtual void cancel_attempt() = 0;
  // The answer is there before the end, which then says nothing more.
  void attempt_answered(BackendAnswer answer);
  void attempt_ended(const grpc::Status& status);
  bool is_answered() const { return !done_; }

  std::unique_ptr<grpc::ClientContext> make_context() const;
  std::uint64_t left_ms() const;  // until the deadline
  // Runs `what` after the time, unless the timer is set again or cancelled before.
  void after(std::uint64_t ms, std::function<void()> what);
  void cancel_timer();

  BackendCalls& calls_;

 private:
  bool put_off();
  void try_now();
  void answer(BackendAnswer answer);
  void finish();

  BackendAttempts::Call call_;
  std::function<void(BackendAnswer)> done_;  // empty: the answer is given
  bool attempting_ = false;
  boost::asio::steady_timer timer_;
  std::uint64_t timer_set_ = 0;  // a handler of an earlier setting may already be queued
};

BackendResult result_of(grpc::StatusCode code);

// Makes the two kinds. A unary one passes the stub's method by `invoke`.
template <typename Request, typename Response>
class UnaryBackendCall final : public BackendCall {
 public:
  using Invoke = std::function<void(v1::Backend::Stub&, grpc::ClientContext*, const Request*,
                                    Response*, std::function<void(grpc::Status)>)>;
  UnaryBackendCall(BackendCalls& calls, std::uint64_t timeout_ms,
                   std::function<void(BackendAnswer)> done, Request request, Invoke invoke)
      : BackendCall(calls, timeout_ms, std::move(done)),
        request_(std::move(request)),
        invoke_(std::move(invoke)) {}

 private:
  void attempt() override {
    context_ = make_context();
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(left_ms()));
    invoke_(*calls_.stub, context_.get(), &request_, &response_,
            // Moved on, since gRPC's thread must not be the last to hold a call.
            [this, self = shared_from_this()](const grpc::Status& status) mutable {
              calls_.thread.post([this, self = std::move(self), status] { attempt_ended(status); });
            });
  }
  void cancel_attempt() override {
    if (context_) context_->TryCancel();
  }

  Request request_;
  Response response_;
  Invoke invoke_;
  std::unique_ptr<grpc::ClientContext> context_;
};

std::shared_ptr<BackendCall> make_receive_call(BackendCalls& calls, v1::ReceiveRequest request,
                                               std::function<void(BackendAnswer)> accepted,
                                               std::function<void(v1::Transient)> transient);

}  // namespace interlock
