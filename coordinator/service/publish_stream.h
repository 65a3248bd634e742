// A publisher that sends many events over one stream: each is answered as it becomes durable.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "coordinator/engine/engine_thread.h"
#include "coordinator/service/command_traces.h"
#include "coordinator/service/standing_calls.h"
#include "coordinator/service/workers.h"
#include "interlock/v1/events.pb.h"

namespace interlock {

constexpr std::size_t kPublishesUnderWayMax = 256;  // of one stream; beyond it is not read

// Asks the engine, or refuses at once what makes no sense. `done` is called once, on any thread.
// `traces` may be none; `traceparent` is the call's, for an event without one of its own.
void ask_publish(EngineThread& engine, CommandTraces* traces, const std::string& traceparent,
                 const v1::PublishRequest& request, std::function<void(v1::PublishAnswer)> done);

class PublishStream final
    : public grpc::ServerBidiReactor<v1::PublishStreamRequest, v1::PublishStreamResponse>,
      public std::enable_shared_from_this<PublishStream> {
 public:
  // As for ask_publish.
  static std::shared_ptr<PublishStream> start(EngineThread& engine, Workers& workers,
                                              CommandTraces* traces, std::string traceparent);

  void stand(StandingCalls::Place place) { place_ = std::move(place); }
  // What was not answered yet is repeated by whoever wants to know. From any thread.
  void cut(grpc::Status why) { end(std::move(why)); }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  PublishStream(EngineThread& engine, Workers& workers, CommandTraces* traces,
                std::string traceparent)
      : engine_(engine),
        workers_(workers),
        traces_(traces),
        traceparent_(std::move(traceparent)) {}
  void answered(std::uint64_t id, v1::PublishAnswer answer);
  void go_on();
  void end(grpc::Status status);

  EngineThread& engine_;
  Workers& workers_;
  CommandTraces* traces_;
  const std::string traceparent_;
  std::shared_ptr<PublishStream> self_;  // until OnDone
  StandingCalls::Place place_;           // until OnDone
  v1::PublishStreamRequest request_;

  std::mutex mutex_;
  std::size_t under_way_ = 0;  // asked, and not written yet
  std::deque<v1::PublishStreamResponse> answers_;
  v1::PublishStreamResponse response_;
  bool reading_ = true;
  bool read_ended_ = false;    // the publisher has said all
  bool writing_ = false;
  bool woken_ = false;
  bool finished_ = false;      // Finish was called, or will be behind the write under way
  bool finish_after_write_ = false;
  grpc::Status final_status_;
};

}  // namespace interlock
