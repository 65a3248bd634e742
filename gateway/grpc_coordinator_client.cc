#include "gateway/grpc_coordinator_client.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <cassert>
#include <functional>
#include <memory>
#include <utility>

#include "common/log.h"
#include "gateway/grpc_identity.h"
#include "interlock/v1/gateway.grpc.pb.h"

namespace interlock {
namespace {

// What a call says of who makes it.
struct Introduction {
  std::string token;  // empty: none
  const OwnToken* own_token = nullptr;  // instead of it
  MetadataIdentity* identity = nullptr;
  std::shared_ptr<grpc::CallCredentials> credentials;  // of `identity`
  // The coordinators do not accept it, as it was logged last.
  std::shared_ptr<std::atomic<bool>> refused = std::make_shared<std::atomic<bool>>(false);
};

bool is_refusal(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAUTHENTICATED ||
         status.error_code() == grpc::StatusCode::PERMISSION_DENIED;
}

// Keeps itself alive from StartCall to OnDone. The hold lets its owner start reads and writes from
// outside gRPC's reactions; close() gives it up on the owner's thread, behind the last of them.
class GrpcAttachStream final
    : public AttachStream,
      public grpc::ClientBidiReactor<v1::AttachRequest, v1::AttachResponse> {
 public:
  static std::shared_ptr<AttachStream> open(v1::Gateway::Stub& stub, const Introduction& we,
                                            Events events) {
    auto stream = std::make_shared<GrpcAttachStream>();
    stream->events_ = std::move(events);
    stream->self_ = stream;
    stream->identity_ = we.identity;
    stream->refused_ = we.refused;
    add_token(stream->context_, we.own_token == nullptr ? we.token : we.own_token->get());
    if (we.credentials) stream->context_.set_credentials(we.credentials);
    stub.async()->Attach(&stream->context_, stream.get());
    stream->AddHold();
    stream->StartCall();
    return stream;
  }

  void write(v1::AttachRequest message) override {
    request_ = std::move(message);
    StartWrite(&request_);
  }
  void read() override { StartRead(&response_); }
  void finish() override { StartWritesDone(); }
  void cancel() override { context_.TryCancel(); }
  void close() override { RemoveHold(); }

  void OnReadDone(bool ok) override {
    if (ok) *refused_ = false;
    events_.received(ok ? std::make_optional(std::exchange(response_, {})) : std::nullopt);
  }
  void OnWriteDone(bool /*ok*/) override { events_.written(); }  // a failed one ends the stream too
  void OnDone(const grpc::Status& status) override {
    const std::shared_ptr<GrpcAttachStream> last = std::move(self_);
    if (is_refusal(status) && !refused_->exchange(true)) {
      log_warning("The coordinator does not accept what this gateway says it is.",
                  {{"why", status.error_message()}});
    }
    const bool unknown = status.error_code() == grpc::StatusCode::UNAUTHENTICATED;
    if (unknown && identity_ != nullptr) identity_->refused();
    events_.ended(
        fmt::format("{} ({})", status.error_message(), static_cast<int>(status.error_code())));
  }

 private:
  Events events_;
  MetadataIdentity* identity_ = nullptr;
  std::shared_ptr<std::atomic<bool>> refused_;
  std::shared_ptr<GrpcAttachStream> self_;
  grpc::ClientContext context_;
  v1::AttachRequest request_;
  v1::AttachResponse response_;
};

class Coordinators {
 public:
  explicit Coordinators(const GrpcCoordinatorSettings& settings) {
    we_.token = settings.token;
    we_.own_token = settings.own_token;
    we_.identity = settings.identity;
    if (we_.identity != nullptr) we_.credentials = identity_credentials(*we_.identity);
    assert(!settings.targets.empty());
    for (const std::string& target : settings.targets) {
      stubs_.push_back(v1::Gateway::NewStub(make_channel(target, settings.tls)));
    }
    // Gateways that start together do not all go to the first.
    next_ = std::hash<std::string>{}(settings.attachment.gateway_id) % stubs_.size();
  }

  std::shared_ptr<AttachStream> open(AttachStream::Events events) {
    v1::Gateway::Stub& stub = *stubs_[next_];
    next_ = (next_ + 1) % stubs_.size();
    return GrpcAttachStream::open(stub, we_, std::move(events));
  }

 private:
  Introduction we_;
  std::vector<std::unique_ptr<v1::Gateway::Stub>> stubs_;
  std::size_t next_ = 0;
};

}  // namespace

std::vector<std::string> split_targets(const std::string& comma_separated) {
  std::vector<std::string> targets;
  std::size_t from = 0;
  while (from <= comma_separated.size()) {
    const std::size_t comma = std::min(comma_separated.find(',', from), comma_separated.size());
    if (comma > from) targets.push_back(comma_separated.substr(from, comma - from));
    from = comma + 1;
  }
  return targets;
}

GrpcCoordinatorClient::GrpcCoordinatorClient(const GrpcCoordinatorSettings& settings)
    : AttachmentShell(
          settings.attachment,
          [coordinators = std::make_shared<Coordinators>(settings)](AttachStream::Events events) {
            return coordinators->open(std::move(events));
          }) {}

}  // namespace interlock
