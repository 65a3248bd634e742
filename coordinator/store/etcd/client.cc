#include "coordinator/store/etcd/client.h"

#include <chrono>

namespace interlock::etcd {
namespace {

using etcdserverpb::AuthenticateRequest;
using etcdserverpb::AuthenticateResponse;

Failure closing() { return {Verdict::kFailed, absl::CancelledError("The store is being closed.")}; }

}  // namespace

Client::Client(const Settings& settings, std::vector<Member> members, Loop& loop)
    : settings_(settings), members_(std::move(members)), loop_(loop) {}

void Client::prepare(grpc::ClientContext& context) const {
  // A member that is cut off from the others says so at once, before it proposes anything.
  context.AddMetadata("hasleader", "true");
  if (!token_.empty()) context.AddMetadata("token", token_);
}

void Client::begin(std::shared_ptr<Call> call) {
  if (stopping_) {
    loop_.post([call = std::move(call)] { call->finish(closing()); });
    return;
  }
  if (call->needs_token && token_.empty() && !settings_.user.empty() && !authentication_off_) {
    waiting_for_token_.push_back(std::move(call));
    if (!asking_for_token_) ask_for_token();
    return;
  }
  call->member = call->only_member.value_or(current_);
  call->token = token_;
  call->context = std::make_unique<grpc::ClientContext>();
  call->context->set_deadline(std::chrono::system_clock::now() + settings_.timeout);
  prepare(*call->context);
  under_way_.insert(call.get());
  call->start(members_[call->member]);
}

void Client::ended(const std::shared_ptr<Call>& call, const grpc::Status& status) {
  under_way_.erase(call.get());
  if (status.ok()) return call->finish(std::nullopt);
  Failure failure = failure_of(status.error_code(), status.error_message());
  if (!stopping_ && again(call, failure)) return;
  call->finish(std::move(failure));
}

bool Client::again(const std::shared_ptr<Call>& call, Failure& failure) {
  if (failure.verdict == Verdict::kToken) {
    if (settings_.user.empty() || call->token_renewed || !call->needs_token) {
      failure.verdict = Verdict::kFailed;
      return false;
    }
    authentication_off_ = false;
    if (token_ == call->token) token_.clear();
    call->token_renewed = true;
    begin(call);
    return true;
  }
  if (call->only_member || !points_at_member(failure)) return false;
  leave(call->member);
  if (failure.verdict != Verdict::kNextMember || ++call->members_tried >= members_.size()) {
    return false;
  }
  begin(call);
  return true;
}

void Client::failed(std::size_t member, const Failure& failure) {
  if (failure.verdict == Verdict::kToken) token_.clear();
  if (points_at_member(failure)) leave(member);
}

void Client::leave(std::size_t member) {
  if (member != current_ || members_.size() == 1) return;  // another call was first
  current_ = (current_ + 1) % members_.size();
  if (moved_) moved_();
}

void Client::ask_for_token() {
  asking_for_token_ = true;
  AuthenticateRequest request;
  request.set_name(settings_.user);
  request.set_password(settings_.password);
  call<AuthenticateRequest, AuthenticateResponse>(
      authenticate, std::move(request),
      [this](Reply<AuthenticateRequest, AuthenticateResponse> reply) {
        asking_for_token_ = false;
        if (reply.failure && reply.failure->reason.message().find(
                                 "authentication is not enabled") != std::string::npos) {
          authentication_off_ = true;
          reply.failure.reset();
        } else if (!reply.failure) {
          token_ = std::move(*reply.response.mutable_token());
        }
        for (auto& call : std::exchange(waiting_for_token_, {})) {
          if (!reply.failure) {
            begin(std::move(call));
            continue;
          }
          // Whatever became of that call, this one has not been made.
          call->finish(Failure{Verdict::kFailed, reply.failure->reason});
        }
      });
}

void Client::stop() {
  stopping_ = true;
  for (Call* call : under_way_) call->context->TryCancel();
}

}  // namespace interlock::etcd
