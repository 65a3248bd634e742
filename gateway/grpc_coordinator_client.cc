#include "gateway/grpc_coordinator_client.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/client_callback.h>

#include <cassert>
#include <functional>
#include <memory>
#include <utility>

#include "gateway/grpc_channel.h"
#include "interlock/v1/gateway.grpc.pb.h"

namespace interlock {
namespace {

// Keeps itself alive from StartCall to OnDone. The hold lets its owner start reads and writes from
// outside gRPC's reactions; close() gives it up on the owner's thread, behind the last of them.
class GrpcAttachStream final
    : public AttachStream,
      public grpc::ClientBidiReactor<v1::AttachRequest, v1::AttachResponse> {
 public:
  static std::shared_ptr<AttachStream> open(v1::Gateway::Stub& stub, const std::string& token,
                                            Events events) {
    auto stream = std::make_shared<GrpcAttachStream>();
    stream->events_ = std::move(events);
    stream->self_ = stream;
    add_token(stream->context_, token);
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
    events_.received(ok ? std::make_optional(std::exchange(response_, {})) : std::nullopt);
  }
  void OnWriteDone(bool /*ok*/) override { events_.written(); }  // a failed one ends the stream too
  void OnDone(const grpc::Status& status) override {
    const std::shared_ptr<GrpcAttachStream> last = std::move(self_);
    events_.ended(
        fmt::format("{} ({})", status.error_message(), static_cast<int>(status.error_code())));
  }

 private:
  Events events_;
  std::shared_ptr<GrpcAttachStream> self_;
  grpc::ClientContext context_;
  v1::AttachRequest request_;
  v1::AttachResponse response_;
};

class Coordinators {
 public:
  explicit Coordinators(const GrpcCoordinatorSettings& settings) : token_(settings.token) {
    assert(!settings.targets.empty());
    for (const std::string& target : settings.targets) {
      stubs_.push_back(v1::Gateway::NewStub(make_channel(target)));
    }
    // Gateways that start together do not all go to the first.
    next_ = std::hash<std::string>{}(settings.attachment.gateway_id) % stubs_.size();
  }

  std::shared_ptr<AttachStream> open(AttachStream::Events events) {
    v1::Gateway::Stub& stub = *stubs_[next_];
    next_ = (next_ + 1) % stubs_.size();
    return GrpcAttachStream::open(stub, token_, std::move(events));
  }

 private:
  std::string token_;
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
