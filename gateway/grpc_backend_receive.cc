// A message on its way to the backend, and the transient events that come back.
#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <utility>

#include "gateway/boot_clock.h"
#include "gateway/grpc_backend_call.h"

namespace interlock {
namespace {

class ReceiveCall;

// One attempt: gRPC's side of it. Keeps itself alive to OnDone, and the call with it. What decides
// the call is read in a turn of the client's, for which the hold is; the events behind the
// acceptance are handed on where they come, since a thread more costs each of them more than all
// else here.
class ReceiveAttempt final : public grpc::ClientReadReactor<v1::ReceiveResponse> {
 public:
  ReceiveAttempt(std::shared_ptr<ReceiveCall> call, TurnThread& thread,
                 std::unique_ptr<grpc::ClientContext> context, const v1::ReceiveRequest& request)
      : call_(std::move(call)), thread_(thread), context_(std::move(context)), request_(request) {}

  void start(v1::Backend::Stub& stub, std::shared_ptr<ReceiveAttempt> self) {
    self_ = std::move(self);
    stub.async()->Receive(context_.get(), &request_, this);
    AddHold();
    StartCall();
    read();
  }
  void read() { StartRead(&response_); }
  void cancel() { context_->TryCancel(); }
  void let_go() { RemoveHold(); }

  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  std::shared_ptr<ReceiveCall> call_;
  std::shared_ptr<ReceiveAttempt> self_;
  TurnThread& thread_;
  std::unique_ptr<grpc::ClientContext> context_;
  v1::ReceiveRequest request_;
  v1::ReceiveResponse response_;
};

class ReceiveCall final : public BackendCall {
 public:
  ReceiveCall(GrpcBackendCalls& calls, v1::ReceiveRequest request,
              std::function<void(BackendAnswer)> accepted,
              std::function<void(v1::Transient)> transient, std::string traceparent)
      : BackendCall(calls, calls.settings.accept_timeout_ms, std::move(accepted)),
        grpc_(calls),
        request_(std::move(request)),
        transient_(std::move(transient)),
        traceparent_(std::move(traceparent)) {}

  void received(ReceiveAttempt& attempt, const v1::ReceiveResponse& response) {
    if (!is_answered()) take_first(attempt, response);
    attempt.read();
  }

  // On gRPC's thread, between two reads; the first read was begun behind the acceptance, or never.
  bool take_event(v1::ReceiveResponse& response) {
    if (!accepted_) return false;
    heard_at_ms_.store(boot_time_ms(), std::memory_order_relaxed);
    if (response.has_event()) transient_(std::move(*response.mutable_event()));
    return true;
  }

  void ended(const grpc::Status& status) {
    attempt_.reset();
    grpc_.give_back(channel_);
    if (late_) {
      return attempt_ended(end_of({grpc::StatusCode::DEADLINE_EXCEEDED, "not accepted in time"}));
    }
    if (status.ok() && !is_answered()) {
      return attempt_ended(end_of({grpc::StatusCode::INTERNAL, "the backend accepted nothing"}));
    }
    attempt_ended(end_of(status));
  }

 private:
  void attempt() override {
    late_ = false;
    attempt_ =
        std::make_shared<ReceiveAttempt>(std::static_pointer_cast<ReceiveCall>(shared_from_this()),
                                         calls_.thread, grpc_.make_context(traceparent_),
                                         request_);
    // Not gRPC's deadline: the stream goes on behind the acceptance.
    after(left_ms(), [this] {
      late_ = true;
      cancel_attempt();
    });
    channel_ = grpc_.take_channel();
    attempt_->start(grpc_.stub(channel_), attempt_);
  }
  void cancel_attempt() override {
    if (attempt_) attempt_->cancel();
  }

  void take_first(ReceiveAttempt& attempt, const v1::ReceiveResponse& response) {
    if (!response.has_accepted()) {
      attempt_answered({BackendResult::kRejected, "the backend did not begin with `accepted`"});
      return attempt.cancel();
    }
    accepted_ = true;
    heard_at_ms_ = boot_time_ms();
    expect_more(grpc_.settings.transient_idle_ms);
    attempt_answered({BackendResult::kOk, ""});
  }
  // The timer is not set again for each event: it looks, when it goes off, what has come meanwhile.
  void expect_more(std::uint64_t ms) {
    after(ms, [this] {
      const std::uint64_t silent_ms = boot_time_ms() - heard_at_ms_;
      if (silent_ms >= grpc_.settings.transient_idle_ms) return cancel_attempt();
      expect_more(grpc_.settings.transient_idle_ms - silent_ms);
    });
  }

  GrpcBackendCalls& grpc_;
  v1::ReceiveRequest request_;
  std::function<void(v1::Transient)> transient_;
  std::string traceparent_;
  std::shared_ptr<ReceiveAttempt> attempt_;
  std::size_t channel_ = 0;  // of the attempt
  bool accepted_ = false;
  std::atomic<std::uint64_t> heard_at_ms_ = 0;  // the last of what came
  bool late_ = false;  // the time for accepting is over
};

void ReceiveAttempt::OnReadDone(bool ok) {
  if (ok && call_->take_event(response_)) return read();
  // Alive until the hold is gone, and that only the posted function gives up.
  thread_.post([this, ok] {
    if (!ok) return let_go();
    call_->received(*this, std::exchange(response_, {}));
  });
}

void ReceiveAttempt::OnDone(const grpc::Status& status) {
  const std::shared_ptr<ReceiveAttempt> last = std::move(self_);
  // The call leaves gRPC's thread: it must not be the last to hold it.
  thread_.post([call = std::move(call_), status] { call->ended(status); });
}

}  // namespace

std::shared_ptr<BackendCall> make_receive_call(GrpcBackendCalls& calls, v1::ReceiveRequest request,
                                               std::function<void(BackendAnswer)> accepted,
                                               std::function<void(v1::Transient)> transient,
                                               std::string traceparent) {
  return std::make_shared<ReceiveCall>(calls, std::move(request), std::move(accepted),
                                       std::move(transient), std::move(traceparent));
}

}  // namespace interlock
