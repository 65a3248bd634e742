#include "tests/bench/load/echo_backend.h"

#include <fmt/format.h>
#include <grpcpp/server_builder.h>

#include <boost/json/parse.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "tests/bench/load/client_sockets.h"

namespace interlock::bench {

// One answer: the acceptance, and then events in their turn. One write is under way at a time; an
// event that is late is sent late, with the time at which it was to be sent.
class EchoBackend::Stream final : public grpc::ServerWriteReactor<v1::ReceiveResponse>,
                                  public std::enable_shared_from_this<Stream> {
 public:
  Stream(std::uint64_t count, std::int64_t every_us)
      : left_(count), every_us_(every_us), next_us_(now_us() + every_us) {}

  void begin() {
    self_ = shared_from_this();
    response_.mutable_accepted();
    writing_ = true;
    StartWrite(&response_);
  }
  // False when it has come to its end.
  bool go_on() {
    const std::lock_guard lock(mutex_);
    if (!writing_) write_due();
    return !finished_;
  }
  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) left_ = 0;
    write_due();
  }
  void OnDone() override { std::exchange(self_, nullptr); }

 private:
  void write_due() {
    if (finished_) return;
    if (left_ == 0) {
      finished_ = true;
      Finish(grpc::Status::OK);
      return;
    }
    const std::int64_t now = now_us();
    if (every_us_ > 0 && next_us_ > now) return;
    v1::Transient& event = *response_.mutable_event();
    event.set_type("token");
    event.set_data(fmt::format("{{\"t\":{}}}", every_us_ > 0 ? next_us_ : now));
    next_us_ += every_us_;
    --left_;
    writing_ = true;
    StartWrite(&response_);
  }

  std::mutex mutex_;
  v1::ReceiveResponse response_;
  std::uint64_t left_;
  const std::int64_t every_us_;
  std::int64_t next_us_;
  bool writing_ = false;
  bool finished_ = false;
  std::shared_ptr<Stream> self_;
};

EchoBackend::EchoBackend(int port) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(fmt::format("127.0.0.1:{}", port), grpc::InsecureServerCredentials());
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    std::fprintf(stderr, "bench: the backend cannot listen on port %d\n", port);
    std::exit(1);
  }
  clock_ = std::thread([this] { keep_time(); });
}

EchoBackend::~EchoBackend() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  clock_.join();
  server_->Shutdown(std::chrono::system_clock::now());
}

grpc::ServerUnaryReactor* EchoBackend::Open(grpc::CallbackServerContext* context,
                                            const v1::OpenRequest*, v1::OpenResponse*) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* EchoBackend::Closed(grpc::CallbackServerContext* context,
                                              const v1::ClosedRequest*, v1::ClosedResponse*) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<v1::ReceiveResponse>* EchoBackend::Receive(
    grpc::CallbackServerContext*, const v1::ReceiveRequest* request) {
  const boost::json::value wanted = boost::json::parse(request->data());
  const auto every_us = wanted.at("every_us").to_number<std::int64_t>();
  auto stream = std::make_shared<Stream>(wanted.at("count").to_number<std::uint64_t>(), every_us);
  stream->begin();
  if (every_us > 0) {
    const std::lock_guard lock(mutex_);
    streams_.push_back(stream);
  }
  return stream.get();
}

void EchoBackend::keep_time() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, std::chrono::milliseconds(2), [this] { return stopping_; })) {
    std::erase_if(streams_, [](const std::shared_ptr<Stream>& stream) { return !stream->go_on(); });
  }
}

}  // namespace interlock::bench
