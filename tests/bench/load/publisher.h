// One stream for all that is published.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <mutex>

#include "interlock/v1/events.grpc.pb.h"

namespace interlock::bench {

// What waits while a message is being written goes behind it. A refusal, and a stream that ends
// before its publisher, are a sentence and the end of the process.
class Publisher final : public grpc::ClientBidiReactor<v1::PublishStreamRequest,
                                                       v1::PublishStreamResponse> {
 public:
  explicit Publisher(int coordinator);  // its port on 127.0.0.1
  ~Publisher() override;

  // Sets the idempotency key. Waits while as many are unanswered as the coordinator takes of one
  // stream, but not where `from_callback`.
  void publish(v1::PublishRequest event, bool from_callback = false);
  void until_answered();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  std::unique_ptr<v1::Events::Stub> stub_;
  grpc::ClientContext context_;
  v1::PublishStreamResponse response_;

  std::mutex mutex_;
  std::condition_variable answered_;
  std::deque<v1::PublishStreamRequest> waiting_;  // the first one is being written
  bool writing_ = false;
  std::uint64_t last_ = 0;
  std::uint64_t unanswered_ = 0;
  bool leaving_ = false;
  std::promise<void> over_;
};

}  // namespace interlock::bench
