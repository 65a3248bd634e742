// Publishes events to the coordinator.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "common/channel_credentials.h"
#include "common/service_target.h"
#include "deploy/demo/agent/publish_outcome.h"
#include "interlock/v1/events.grpc.pb.h"

namespace interlock {

// What an answered call means for a run. Exactly what the coordinator refused stands in the Refusal
// of its error details; without one, only the calls that surely can never succeed are final.
PublishOutcome outcome_of(const grpc::Status& status);

// One thread, that of `io`, calls everything here and gets every answer.
class Publisher {
 public:
  // `token` goes into every call unless it is empty.
  Publisher(boost::asio::io_context& io, const ServiceTarget& coordinator, const ChannelTls& tls,
            std::string token);

  // One attempt with a deadline. `done` is called once, unless the io_context ends before.
  void publish(v1::PublishRequest request, std::function<void(PublishOutcome)> done);

  // Cuts short what is under way; the answers still come.
  void stop();

 private:
  struct Call;
  void answered(Call* call, const grpc::Status& status);

  boost::asio::io_context& io_;
  std::unique_ptr<v1::Events::Stub> events_;
  std::string token_;
  std::unordered_set<std::shared_ptr<Call>> calls_;
};

}  // namespace interlock
