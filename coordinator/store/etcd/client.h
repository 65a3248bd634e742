// Calls to whichever member of the cluster answers.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/store/etcd/failures.h"
#include "coordinator/store/etcd/loop.h"
#include "coordinator/store/etcd/settings.h"
#include "etcd/rpc.grpc.pb.h"

namespace interlock::etcd {

struct Member {
  std::string endpoint;
  std::unique_ptr<etcdserverpb::KV::Stub> kv;
  std::unique_ptr<etcdserverpb::Watch::Stub> watch;
  std::unique_ptr<etcdserverpb::Cluster::Stub> cluster;
  std::unique_ptr<etcdserverpb::Maintenance::Stub> maintenance;
  std::unique_ptr<etcdserverpb::Auth::Stub> auth;
};

// Lazily connected, one for each endpoint. NOT_FOUND: a file that the settings name cannot be read.
absl::StatusOr<std::vector<Member>> make_members(const Settings& settings);

// How a call is begun on a member: one of the functions below.
template <class Request, class Response>
using Method = void (*)(Member& member, grpc::ClientContext* context, const Request* request,
                        Response* response, std::function<void(grpc::Status)> done);

void txn(Member& member, grpc::ClientContext* context, const etcdserverpb::TxnRequest* request,
         etcdserverpb::TxnResponse* response, std::function<void(grpc::Status)> done);
void range(Member& member, grpc::ClientContext* context, const etcdserverpb::RangeRequest* request,
           etcdserverpb::RangeResponse* response, std::function<void(grpc::Status)> done);
void compact(Member& member, grpc::ClientContext* context,
             const etcdserverpb::CompactionRequest* request,
             etcdserverpb::CompactionResponse* response, std::function<void(grpc::Status)> done);
void status(Member& member, grpc::ClientContext* context,
            const etcdserverpb::StatusRequest* request, etcdserverpb::StatusResponse* response,
            std::function<void(grpc::Status)> done);
void member_list(Member& member, grpc::ClientContext* context,
                 const etcdserverpb::MemberListRequest* request,
                 etcdserverpb::MemberListResponse* response,
                 std::function<void(grpc::Status)> done);
void authenticate(Member& member, grpc::ClientContext* context,
                  const etcdserverpb::AuthenticateRequest* request,
                  etcdserverpb::AuthenticateResponse* response,
                  std::function<void(grpc::Status)> done);

template <class Request, class Response>
struct Reply {
  std::optional<Failure> failure;
  Request request;
  Response response;
};

// Belongs to the loop, and is called on it. One member is asked at a time, until it fails: then the
// next one is. What it surely did not do is tried on each of the others before it counts as failed.
// A token is asked for when there is none, or it is refused.
class Client {
 public:
  Client(const Settings& settings, std::vector<Member> members, Loop& loop);

  // `done` is called on the loop, never inside this call.
  template <class Request, class Response>
  void call(Method<Request, Response> method, Request request,
            std::function<void(Reply<Request, Response>)> done,
            std::optional<std::size_t> only_member = std::nullopt) {
    begin(std::make_shared<TypedCall<Request, Response>>(*this, method, std::move(request),
                                                         std::move(done), only_member));
  }

  std::size_t members() const { return members_.size(); }
  const std::string& endpoint(std::size_t member) const { return members_[member].endpoint; }

  // For a stream: the member to ask, its number, and what its context needs beside a deadline.
  Member& current() { return members_[current_]; }
  std::size_t current_number() const { return current_; }
  void prepare(grpc::ClientContext& context) const;
  // A stream to this member has failed so.
  void failed(std::size_t member, const Failure& failure);

  // Called when a member has been left.
  void on_move(std::function<void()> moved) { moved_ = std::move(moved); }

  // What is under way is cancelled, and what is asked from now on fails.
  void stop();
  bool stopping() const { return stopping_; }

 private:
  struct Call {
    std::unique_ptr<grpc::ClientContext> context;
    std::optional<std::size_t> only_member;
    std::size_t member = 0;
    std::string token;  // that it was sent with
    std::size_t members_tried = 0;
    bool token_renewed = false;
    bool needs_token = true;

    virtual ~Call() = default;
    virtual void start(Member& member) = 0;
    virtual void finish(std::optional<Failure> failure) = 0;
  };

  template <class Request, class Response>
  struct TypedCall final : Call, std::enable_shared_from_this<TypedCall<Request, Response>> {
    TypedCall(Client& owner, Method<Request, Response> how, Request what,
              std::function<void(Reply<Request, Response>)> then, std::optional<std::size_t> only)
        : client(owner), method(how), request(std::move(what)), done(std::move(then)) {
      this->only_member = only;
      this->needs_token = !std::is_same_v<Request, etcdserverpb::AuthenticateRequest>;
    }
    void start(Member& at) override {
      auto answered = [self = this->shared_from_this(),
                       hold = client.loop_.hold()](grpc::Status result) mutable {
        hold.post_last([self = std::move(self), result = std::move(result)] {
          self->client.ended(self, result);
        });
      };
      method(at, this->context.get(), &request, &response, std::move(answered));
    }
    void finish(std::optional<Failure> failure) override {
      done({std::move(failure), std::move(request), std::move(response)});
    }
    Client& client;
    const Method<Request, Response> method;
    Request request;
    Response response;
    const std::function<void(Reply<Request, Response>)> done;
  };

  void begin(std::shared_ptr<Call> call);
  void ended(const std::shared_ptr<Call>& call, const grpc::Status& status);
  bool again(const std::shared_ptr<Call>& call, Failure& failure);
  void ask_for_token();
  void leave(std::size_t member);

  const Settings settings_;
  std::vector<Member> members_;
  Loop& loop_;
  std::size_t current_ = 0;
  std::function<void()> moved_;
  std::unordered_set<Call*> under_way_;
  bool stopping_ = false;

  std::string token_;
  bool authentication_off_ = false;  // there is a user, but etcd asks nobody
  bool asking_for_token_ = false;
  std::vector<std::shared_ptr<Call>> waiting_for_token_;
};

}  // namespace interlock::etcd
