// One gateway's Attach stream: reads into the engine, writes what the engine says, in batches.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "coordinator/engine/engine_thread.h"
#include "coordinator/service/attach_messages.h"
#include "coordinator/service/command_traces.h"
#include "coordinator/service/workers.h"

namespace interlock {

struct AttachLimits {
  std::uint64_t heartbeat_ms = 5'000;
  std::uint64_t lease_ttl_ms = 15'000;
  std::size_t response_bytes_max = 1024 * 1024;   // of one message, about
  std::size_t queued_bytes_max = 64 * 1024 * 1024;  // a gateway that does not read is cut
};

// Answers, notices and confirmations go ahead of events. At most one write is under way; all that
// waits when it completes goes out in the next one, without a timer.
class AttachStream final : public grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse>,
                           public std::enable_shared_from_this<AttachStream> {
 public:
  // `coordinator_id` and `limits` outlive the stream. `traces` may be none. With each heartbeat
  // `still_allowed` is asked whether the caller may still do what it was let in for, and the stream
  // ends with another answer than OK, or than "cannot be said now". `ended` is called last, from
  // OnDone.
  static std::shared_ptr<AttachStream> start(EngineThread& engine, Workers& workers,
                                             CommandTraces* traces,
                                             const std::string& coordinator_id,
                                             const AttachLimits& limits,
                                             std::function<grpc::Status()> still_allowed,
                                             std::function<void(AttachStream*)> ended);

  // Tells the gateway to attach elsewhere.
  void drain(std::uint64_t within_ms);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  AttachStream(EngineThread& engine, Workers& workers, CommandTraces* traces,
               const std::string& coordinator_id, const AttachLimits& limits,
               std::function<grpc::Status()> still_allowed,
               std::function<void(AttachStream*)> ended);

  // Why the stream ends with this message; OK: it goes on.
  grpc::Status look_at(const v1::AttachRequest& request);
  // What is wrong with the message, as an INVALID_ARGUMENT sentence; empty: nothing.
  std::string take(const v1::AttachRequest& request);
  void open(const v1::GatewayHello& hello);

  void answer(const Addressee& to, const Answer& answer);
  void notify(Notice notice);
  // `add` fills the message that goes out next.
  template <class Add>
  void queue(std::size_t bytes, Add add);
  void wake(std::unique_lock<std::mutex>& lock);
  void write();
  void end(grpc::Status status);
  void leave();

  EngineThread& engine_;
  Workers& workers_;
  CommandTraces* traces_;
  const std::string& coordinator_id_;
  const AttachLimits& limits_;
  std::function<grpc::Status()> still_allowed_;
  std::function<void(AttachStream*)> ended_;
  std::shared_ptr<AttachStream> self_;  // until OnDone

  v1::AttachRequest request_;
  AttachReader reader_;
  StreamId stream_ = 0;

  std::mutex mutex_;
  v1::AttachResponse urgent_;           // waits
  std::deque<v1::Delivery> deliveries_;  // wait behind it
  std::size_t queued_bytes_ = 0;
  v1::AttachResponse response_;         // under way
  bool writing_ = false;
  bool woken_ = false;
  bool finished_ = false;
  bool finish_after_write_ = false;
  grpc::Status final_status_;
};

}  // namespace interlock
