// The in-memory coordinator and backend behind real gRPC servers.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/memory_backend_client.h"
#include "gateway/memory_coordinator_client.h"
#include "interlock/v1/backend.grpc.pb.h"
#include "interlock/v1/gateway.grpc.pb.h"

namespace interlock {

class FakeGateway final : public v1::Gateway::CallbackService {
 public:
  explicit FakeGateway(MemoryCoordinatorServer& coordinator) : coordinator_(coordinator) {}
  grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse>* Attach(
      grpc::CallbackServerContext* context) override;
  std::string authorization() const;  // of the last stream

 private:
  MemoryCoordinatorServer& coordinator_;
  mutable std::mutex mutex_;
  std::string authorization_;
};

class FakeBackend final : public v1::Backend::Service {
 public:
  // Before each call; what is not OK is the answer. May wait.
  std::function<grpc::Status(grpc::ServerContext&)> before;
  // Behind the transient events; the stream ends when it returns.
  std::function<void(grpc::ServerContext&)> linger;
  bool accept = true;  // false: events without an acceptance

  // Runs `what` when no call is looked at.
  void run(const std::function<void(MemoryBackend&)>& what);

  grpc::Status Open(grpc::ServerContext* context, const v1::OpenRequest* request,
                    v1::OpenResponse* response) override;
  grpc::Status Receive(grpc::ServerContext* context, const v1::ReceiveRequest* request,
                       grpc::ServerWriter<v1::ReceiveResponse>* writer) override;
  grpc::Status Closed(grpc::ServerContext* context, const v1::ClosedRequest* request,
                      v1::ClosedResponse* response) override;

 private:
  void note_trace(const grpc::ServerContext& context);

  std::mutex mutex_;
  MemoryBackend backend_;
};

// Serves until it is destroyed; then every call and stream is cancelled.
class TestServer {
 public:
  TestServer(int port, const std::vector<grpc::Service*>& services,
             const std::shared_ptr<grpc::ServerCredentials>& credentials =
                 grpc::InsecureServerCredentials());
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

 private:
  std::unique_ptr<grpc::Server> server_;
};

std::string target_of(int port);

}  // namespace interlock
