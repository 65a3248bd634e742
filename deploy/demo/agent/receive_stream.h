// The streamed answer to one message: accepted first, then tokens for whoever listens.
#pragma once

#include <grpcpp/support/server_callback.h>
#include <grpcpp/support/status.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <deque>
#include <memory>

#include "interlock/v1/backend.pb.h"

namespace interlock {

// Everything but the reactions belongs to the thread of `io`, and the reactions only post to it.
// It keeps itself alive until gRPC is done with it.
class ReceiveStream final : public grpc::ServerWriteReactor<v1::ReceiveResponse>,
                            public std::enable_shared_from_this<ReceiveStream> {
 public:
  static std::shared_ptr<ReceiveStream> make(boost::asio::io_context& io);

  void accept();

  // A listener that does not keep up loses tokens, never the run.
  void say(v1::Transient event);

  // Ends the stream behind what is still to be written; the first call counts.
  void finish(const grpc::Status& status);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  explicit ReceiveStream(boost::asio::io_context& io);

  void write(v1::ReceiveResponse response);
  void go_on();

  boost::asio::io_context& io_;
  // The io_context runs until gRPC is done.
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::shared_ptr<ReceiveStream> self_;
  std::deque<v1::ReceiveResponse> waiting_;  // the first one is being written if `writing_`
  bool writing_ = false;
  bool ended_ = false;     // finish was called
  bool finished_ = false;  // Finish was
  grpc::Status status_;
};

}  // namespace interlock
