#include "deploy/demo/agent/receive_stream.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace interlock {
namespace {

constexpr std::size_t waiting_max = 16;

}  // namespace

ReceiveStream::ReceiveStream(boost::asio::io_context& io)
    : io_(io), work_(boost::asio::make_work_guard(io)) {}

std::shared_ptr<ReceiveStream> ReceiveStream::make(boost::asio::io_context& io) {
  std::shared_ptr<ReceiveStream> stream(new ReceiveStream(io));
  stream->self_ = stream;
  return stream;
}

void ReceiveStream::accept() {
  v1::ReceiveResponse response;
  response.mutable_accepted();
  write(std::move(response));
}

void ReceiveStream::say(v1::Transient event) {
  if (waiting_.size() >= waiting_max) return;
  v1::ReceiveResponse response;
  *response.mutable_event() = std::move(event);
  write(std::move(response));
}

void ReceiveStream::finish(const grpc::Status& status) {
  if (ended_) return;
  ended_ = true;
  status_ = status;
  go_on();
}

void ReceiveStream::write(v1::ReceiveResponse response) {
  if (ended_) return;
  waiting_.push_back(std::move(response));
  go_on();
}

void ReceiveStream::go_on() {
  if (writing_ || finished_) return;
  if (!waiting_.empty()) {
    writing_ = true;
    StartWrite(&waiting_.front());
  } else if (ended_) {
    finished_ = true;
    Finish(status_);
  }
}

void ReceiveStream::OnWriteDone(bool ok) {
  boost::asio::post(io_, [self = shared_from_this(), ok] {
    self->writing_ = false;
    self->waiting_.pop_front();
    if (!ok) {
      self->waiting_.clear();
      self->finish(grpc::Status::CANCELLED);
    }
    self->go_on();
  });
}

void ReceiveStream::OnCancel() {
  boost::asio::post(io_, [self = shared_from_this()] { self->finish(grpc::Status::CANCELLED); });
}

void ReceiveStream::OnDone() {
  // The last owner lets go on the io thread, behind everything that was posted before.
  boost::asio::post(io_, [self = std::move(self_)]() mutable { self.reset(); });
}

}  // namespace interlock
