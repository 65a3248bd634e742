#include "tests/gateway/fake_services.h"

#include <grpcpp/support/server_callback.h>
#include <gtest/gtest.h>

#include <chrono>
#include <utility>

namespace interlock {
namespace {

// Ties a stream of the in-memory coordinator to one of gRPC's. What the coordinator says comes on
// its thread, and `finished_` is looked at only there.
class AttachReactor final : public grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse> {
 public:
  explicit AttachReactor(MemoryCoordinatorServer& coordinator) {
    stream_ = coordinator.open(AttachStream::Events{
        .received = [this](std::optional<v1::AttachResponse> message) { say(std::move(message)); },
        .written =
            [this] {
              if (!finished_) StartRead(&request_);
            },
        .ended = [this](const std::string&) { delete this; }});
    StartRead(&request_);
    stream_->read();
  }

  void OnReadDone(bool ok) override {
    ok ? stream_->write(std::move(request_)) : stream_->cancel();
  }
  void OnWriteDone(bool ok) override { ok ? stream_->read() : refused_to_read(); }
  void OnCancel() override { stream_->cancel(); }
  void OnDone() override { stream_->close(); }

 private:
  void say(std::optional<v1::AttachResponse> message) {
    if (message) {
      response_ = *std::move(message);
      return StartWrite(&response_);
    }
    finished_ = true;
    Finish({grpc::StatusCode::UNAVAILABLE, "the coordinator stops"});
  }
  void refused_to_read() {
    stream_->cancel();
    stream_->read();  // to learn the end
  }

  std::shared_ptr<AttachStream> stream_;
  v1::AttachRequest request_;
  v1::AttachResponse response_;
  bool finished_ = false;
};

grpc::Status status_of(const BackendAnswer& answer) {
  switch (answer.result) {
    case BackendResult::kOk:
      return grpc::Status::OK;
    case BackendResult::kUnavailable:
      return {grpc::StatusCode::UNAVAILABLE, answer.message};
    case BackendResult::kRefused:
      return {grpc::StatusCode::ABORTED, answer.message};
    case BackendResult::kRejected:
      return {grpc::StatusCode::INVALID_ARGUMENT, answer.message};
  }
  return {grpc::StatusCode::INTERNAL, ""};
}

}  // namespace

grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse>* FakeGateway::Attach(
    grpc::CallbackServerContext* context) {
  const auto& metadata = context->client_metadata();
  const auto found = metadata.find("authorization");
  if (found != metadata.end()) {
    const std::lock_guard<std::mutex> lock(mutex_);
    authorization_ = std::string(found->second.data(), found->second.size());
  }
  return new AttachReactor(coordinator_);
}

std::string FakeGateway::authorization() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return authorization_;
}

void FakeBackend::note_trace(const grpc::ServerContext& context) {
  const auto found = context.client_metadata().find("traceparent");
  if (found == context.client_metadata().end()) return;
  backend_.traceparents.emplace_back(found->second.data(), found->second.size());
}

void FakeBackend::run(const std::function<void(MemoryBackend&)>& what) {
  const std::lock_guard<std::mutex> lock(mutex_);
  what(backend_);
}

grpc::Status FakeBackend::Open(grpc::ServerContext* context, const v1::OpenRequest* request,
                               v1::OpenResponse*) {
  if (before) {
    const grpc::Status status = before(*context);
    if (!status.ok()) return status;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  note_trace(*context);
  return status_of(backend_.open(*request));
}

grpc::Status FakeBackend::Receive(grpc::ServerContext* context, const v1::ReceiveRequest* request,
                                  grpc::ServerWriter<v1::ReceiveResponse>* writer) {
  if (before) {
    const grpc::Status status = before(*context);
    if (!status.ok()) return status;
  }
  std::vector<v1::Transient> events;
  BackendAnswer answer;
  run([&](MemoryBackend& backend) {
    note_trace(*context);
    answer = backend.receive(*request, events);
  });
  if (answer.result != BackendResult::kOk) return status_of(answer);
  v1::ReceiveResponse response;
  response.mutable_accepted();
  if (accept) writer->Write(response);
  for (v1::Transient& event : events) {
    *response.mutable_event() = std::move(event);
    writer->Write(response);
  }
  if (linger) linger(*context);
  return grpc::Status::OK;
}

grpc::Status FakeBackend::Closed(grpc::ServerContext* context, const v1::ClosedRequest* request,
                                 v1::ClosedResponse*) {
  if (before) {
    const grpc::Status status = before(*context);
    if (!status.ok()) return status;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  return status_of(backend_.closed(*request));
}

TestServer::TestServer(int port, const std::vector<grpc::Service*>& services,
                       const std::shared_ptr<grpc::ServerCredentials>& credentials) {
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(target_of(port), credentials);
  for (grpc::Service* service : services) builder.RegisterService(service);
  server_ = builder.BuildAndStart();
  if (!server_) ADD_FAILURE() << "cannot listen on " << target_of(port);
}

TestServer::~TestServer() {
  if (!server_) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
}

std::string target_of(int port) { return "127.0.0.1:" + std::to_string(port); }

}  // namespace interlock
