// A stream of responses with a queue, written one at a time from a worker.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "coordinator/service/standing_calls.h"
#include "coordinator/service/workers.h"

namespace interlock {

// Its own owner until the call is done. What is derived bounds its queue: by queued(), or by going
// on in drained() only.
template <class Response>
class ResponseStream : public grpc::ServerWriteReactor<Response>,
                       public std::enable_shared_from_this<ResponseStream<Response>> {
 public:
  void OnWriteDone(bool ok) final {
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      if (!ok) give_up();
    }
    advance();
  }
  void OnCancel() final {
    {
      const std::lock_guard lock(mutex_);
      give_up();
    }
    advance();
  }
  void OnDone() final {
    place_.leave();
    ended();
    const auto keep = std::move(self_);
  }

  void stand(StandingCalls::Place place) { place_ = std::move(place); }
  // As end(), but what is queued is not for this reader any more. From any thread.
  void cut(grpc::Status status) {
    {
      const std::lock_guard lock(mutex_);
      queue_.clear();
      if (!last_status_) last_status_ = std::move(status);
    }
    post_advance();
  }

 protected:
  explicit ResponseStream(Workers& workers) : workers_(workers) {}
  void keep_alive() { self_ = this->shared_from_this(); }

  // From any thread. What comes after end(), or after the reader has gone, is dropped.
  void push(Response response) {
    {
      const std::lock_guard lock(mutex_);
      if (last_status_) return;
      queue_.push_back(std::move(response));
    }
    post_advance();
  }
  // After what is queued has been written.
  void end(grpc::Status status) {
    {
      const std::lock_guard lock(mutex_);
      if (last_status_) return;
      last_status_ = std::move(status);
    }
    post_advance();
  }
  // It ends, or its reader has gone: what is still pushed reaches nobody.
  bool over() const {
    const std::lock_guard lock(mutex_);
    return last_status_.has_value();
  }
  std::size_t queued() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
  }

  // Everything pushed so far has been written. On any thread, perhaps more often than needed.
  virtual void drained() {}
  // The call is over; nothing is written any more.
  virtual void ended() {}

 private:
  void give_up() {
    queue_.clear();
    if (!last_status_) last_status_ = grpc::Status::CANCELLED;
  }
  void post_advance() {
    workers_.post([self = this->shared_from_this()] { self->advance(); });
  }
  void advance() {
    std::unique_lock lock(mutex_);
    if (writing_ || finished_) return;
    if (!queue_.empty()) {
      response_ = std::move(queue_.front());
      queue_.pop_front();
      writing_ = true;
      this->StartWrite(&response_);
      return;
    }
    if (last_status_) {
      finished_ = true;
      const grpc::Status status = *last_status_;
      lock.unlock();
      this->Finish(status);
      return;
    }
    lock.unlock();
    drained();
  }

  Workers& workers_;
  std::shared_ptr<ResponseStream> self_;  // until OnDone
  StandingCalls::Place place_;  // until OnDone
  mutable std::mutex mutex_;
  std::deque<Response> queue_;
  Response response_;
  std::optional<grpc::Status> last_status_;
  bool writing_ = false;
  bool finished_ = false;
};

// A call that is refused before it began.
template <class Response>
class RefusedStream final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit RefusedStream(grpc::Status status) { this->Finish(std::move(status)); }
  void OnDone() override { delete this; }
};

}  // namespace interlock
