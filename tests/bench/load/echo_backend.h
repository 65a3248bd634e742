// A backend that answers each message with transient events, at once or at a steady rate.
#pragma once

#include <grpcpp/server.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "interlock/v1/backend.grpc.pb.h"

namespace interlock::bench {

// The message's data is {"count":N,"every_us":N}: so many events, of which each says when it was to
// be sent: {"t":US}. every_us of 0: one after the other.
class EchoBackend final : public v1::Backend::CallbackService {
 public:
  explicit EchoBackend(int port);
  ~EchoBackend() override;

  grpc::ServerUnaryReactor* Open(grpc::CallbackServerContext* context, const v1::OpenRequest*,
                                 v1::OpenResponse*) override;
  grpc::ServerWriteReactor<v1::ReceiveResponse>* Receive(grpc::CallbackServerContext*,
                                                         const v1::ReceiveRequest*) override;
  grpc::ServerUnaryReactor* Closed(grpc::CallbackServerContext* context, const v1::ClosedRequest*,
                                   v1::ClosedResponse*) override;

 private:
  class Stream;
  void keep_time();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Stream>> streams_;  // that have events to come
  bool stopping_ = false;
  std::unique_ptr<grpc::Server> server_;
  std::thread clock_;
};

}  // namespace interlock::bench
