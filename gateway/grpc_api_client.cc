#include "gateway/grpc_api_client.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <unordered_set>
#include <utility>

#include "common/refusal_details.h"
#include "gateway/turn_thread.h"
#include "gateway/grpc_identity.h"
#include "interlock/v1/admin.grpc.pb.h"
#include "interlock/v1/events.grpc.pb.h"

namespace interlock {
namespace {

struct Coordinator {
  Coordinator(const std::string& target, const ChannelTls& tls)
      : Coordinator(make_channel(target, tls)) {}
  explicit Coordinator(const std::shared_ptr<grpc::Channel>& channel)
      : events(v1::Events::NewStub(channel)), admin(v1::Admin::NewStub(channel)) {}
  std::unique_ptr<v1::Events::Stub> events;
  std::unique_ptr<v1::Admin::Stub> admin;
};

ApiFailure failure_of(const grpc::Status& status) {
  return {absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message()),
          refusal_in_details(status.error_details())};
}

// Nobody of ours has spoken: another coordinator may.
bool not_reached(const grpc::Status& status) {
  return status.error_details().empty() &&
         (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
          status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED);
}

}  // namespace

// Everything but the constructor and destructor is used in a turn only.
class GrpcApiClient::Owner {
 public:
  // One call, whatever it asks. Lives until its last attempt has ended.
  class Call {
   public:
    virtual ~Call() = default;
    virtual void attempt() = 0;
    virtual void cancel() = 0;
  };

  explicit Owner(const GrpcApiSettings& settings) : settings_(settings) {
    for (const std::string& target : settings.targets) {
      coordinators_.emplace_back(target, settings.tls);
    }
    if (settings.identity != nullptr) passage_ = passage_credentials(*settings.identity);
  }
  ~Owner() {
    thread.post([this] {
      stopping = true;
      for (const auto& call : std::unordered_set(under_way_)) call->cancel();
      if (under_way_.empty()) thread.release();
    });
    thread.join();
  }

  void begin(std::shared_ptr<Call> call) {
    thread.post([this, call = std::move(call)] {
      under_way_.insert(call);
      call->attempt();
    });
  }
  void ended(const std::shared_ptr<Call>& call) {
    under_way_.erase(call);
    if (stopping && under_way_.empty()) thread.release();
  }

  std::size_t targets() const { return coordinators_.size(); }
  Coordinator& current() { return coordinators_[current_]; }
  std::size_t place() const { return current_; }
  // Only who has failed at the current one moves on.
  void leave(std::size_t place) {
    if (place == current_) current_ = (current_ + 1) % coordinators_.size();
  }
  std::chrono::milliseconds attempt_time() const {
    return std::chrono::milliseconds(settings_.timeout_ms / coordinators_.size());
  }

  // False: there is no token, and the call would be made in the gateway's own name.
  bool may_call(const std::string& token) const {
    return !token.empty() || settings_.tls.cert_file.empty();
  }
  const std::shared_ptr<grpc::CallCredentials>& passage() const { return passage_; }

  bool stopping = false;

 private:
  GrpcApiSettings settings_;
  std::shared_ptr<grpc::CallCredentials> passage_;  // none: there is no front end
  std::vector<Coordinator> coordinators_;
  std::size_t current_ = 0;
  std::unordered_set<std::shared_ptr<Call>> under_way_;

 public:
  TurnThread thread;
};

namespace {

template <typename Owner, typename Request, typename Answer>
class UnaryCall final : public Owner::Call,
                        public std::enable_shared_from_this<UnaryCall<Owner, Request, Answer>> {
 public:
  using Ended = std::function<void(grpc::Status)>;
  using Invoke = void (*)(Coordinator&, grpc::ClientContext*, const Request*, Answer*, Ended);

  UnaryCall(Owner& owner, Request request, std::string token, ApiDone<Answer> done, Invoke invoke)
      : owner_(owner),
        request_(std::move(request)),
        token_(std::move(token)),
        done_(std::move(done)),
        invoke_(invoke),
        attempts_left_(owner.targets()) {}

  void attempt() override {
    if (!owner_.may_call(token_)) {
      return ended({grpc::StatusCode::UNAUTHENTICATED,
                    "no token: send `Authorization: Bearer <token>` with one that the coordinator "
                    "knows"});
    }
    --attempts_left_;
    place_ = owner_.place();
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + owner_.attempt_time());
    add_token(*context_, token_);
    if (owner_.passage()) context_->set_credentials(owner_.passage());
    // Moved on, since gRPC's thread must not be the last to hold a call.
    invoke_(owner_.current(), context_.get(), &request_, &answer_,
            [this, self = this->shared_from_this()](const grpc::Status& status) mutable {
              owner_.thread.post([this, self = std::move(self), status] { ended(status); });
            });
    if (owner_.stopping) cancel();
  }
  void cancel() override { context_->TryCancel(); }

 private:
  void ended(const grpc::Status& status) {
    if (not_reached(status)) owner_.leave(place_);
    if (not_reached(status) && attempts_left_ > 0 && !owner_.stopping) return attempt();
    if (status.ok()) {
      done_(std::move(answer_));
    } else {
      done_(failure_of(status));
    }
    owner_.ended(this->shared_from_this());
  }

  Owner& owner_;
  Request request_;
  Answer answer_;
  std::string token_;
  ApiDone<Answer> done_;
  Invoke invoke_;
  std::size_t attempts_left_;
  std::size_t place_ = 0;
  std::unique_ptr<grpc::ClientContext> context_;
};

}  // namespace

GrpcApiClient::GrpcApiClient(const GrpcApiSettings& settings)
    : owner_(std::make_unique<Owner>(settings)) {}

GrpcApiClient::~GrpcApiClient() = default;

void GrpcApiClient::publish(v1::PublishRequest request, std::string token,
                            ApiDone<v1::Receipt> done) {
  using Call = UnaryCall<Owner, v1::PublishRequest, v1::Receipt>;
  owner_->begin(std::make_shared<Call>(
      *owner_, std::move(request), std::move(token), std::move(done),
      [](Coordinator& coordinator, grpc::ClientContext* context, const v1::PublishRequest* asked,
         v1::Receipt* answer, Call::Ended ended) {
        coordinator.events->async()->Publish(context, asked, answer, std::move(ended));
      }));
}

void GrpcApiClient::look(v1::GetRequest request, std::string token, ApiDone<v1::Connection> done) {
  using Call = UnaryCall<Owner, v1::GetRequest, v1::Connection>;
  owner_->begin(std::make_shared<Call>(
      *owner_, std::move(request), std::move(token), std::move(done),
      [](Coordinator& coordinator, grpc::ClientContext* context, const v1::GetRequest* asked,
         v1::Connection* answer, Call::Ended ended) {
        coordinator.admin->async()->Get(context, asked, answer, std::move(ended));
      }));
}

}  // namespace interlock
