// interlock.v1.Backend in front of the agent: calls to values, verdicts to status codes.
#pragma once

#include <boost/asio/io_context.hpp>

#include "deploy/demo/agent/agent.h"
#include "interlock/v1/backend.grpc.pb.h"

namespace interlock {

// Handlers post to the thread of `io`, which owns the agent and answers.
class BackendService final : public v1::Backend::CallbackService {
 public:
  BackendService(boost::asio::io_context& io, Agent& agent) : io_(io), agent_(agent) {}

  grpc::ServerUnaryReactor* Open(grpc::CallbackServerContext* context,
                                 const v1::OpenRequest* request,
                                 v1::OpenResponse* response) override;
  grpc::ServerWriteReactor<v1::ReceiveResponse>* Receive(
      grpc::CallbackServerContext* context, const v1::ReceiveRequest* request) override;
  grpc::ServerUnaryReactor* Closed(grpc::CallbackServerContext* context,
                                   const v1::ClosedRequest* request,
                                   v1::ClosedResponse* response) override;

 private:
  boost::asio::io_context& io_;
  Agent& agent_;
};

}  // namespace interlock
