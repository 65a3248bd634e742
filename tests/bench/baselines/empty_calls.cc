// A gRPC server whose handlers do nothing: what the library itself takes for a unary call and for a
// message of a stream, with the coordinator's own messages.
//
//   bench_empty_calls PORT
//
// Ends with its input.
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "common/one_poller.h"
#include "interlock/v1/gateway.grpc.pb.h"

namespace interlock::bench {
namespace {

class Stream final : public grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse> {
 public:
  Stream() { StartRead(&request_); }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    response_.set_heartbeat_confirmed(request_.heartbeat().number());
    StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    request_.Clear();
    StartRead(&request_);
  }
  void OnDone() override { delete this; }

 private:
  v1::AttachRequest request_;
  v1::AttachResponse response_;
};

class Empty final : public v1::Gateway::CallbackService {
 public:
  grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse>* Attach(
      grpc::CallbackServerContext*) override {
    return new Stream;
  }
  grpc::ServerUnaryReactor* Claim(grpc::CallbackServerContext* context, const v1::ClaimRequest*,
                                  v1::Granted* response) override {
    response->set_generation(1);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace
}  // namespace interlock::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "bench_empty_calls: a port\n";
    return 2;
  }
  const interlock::OnePoller poller;  // as the coordinator has it
  interlock::bench::Empty service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(std::string("127.0.0.1:") + argv[1], grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  std::cout << "{\"listening\":true}" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}
