#include "gateway/memory_coordinator_client.h"

#include <deque>
#include <future>
#include <map>
#include <utility>

#include "gateway/client_thread.h"

namespace interlock {

// All of it runs on the host's thread, except the calls of AttachStream, which only post.
class MemoryCoordinatorServer::Stream final : public AttachStream,
                                              public std::enable_shared_from_this<Stream> {
 public:
  Stream(Host& host, Events events) : host_(host), events_(std::move(events)) {}

  void write(v1::AttachRequest message) override;
  void read() override;
  void finish() override { cancel(); }  // what was written before is answered before
  void cancel() override;
  void close() override;

  // Nothing more will be said on it.
  void end() { over_ = true; }
  bool over() const { return over_; }
  void say(v1::AttachResponse message) { waiting_.push_back(std::move(message)); }
  void flush() {
    if (!reading_ || (waiting_.empty() && !over_)) return;
    reading_ = false;
    std::optional<v1::AttachResponse> next;
    if (!waiting_.empty()) {
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    events_.received(std::move(next));
  }

  std::uint64_t number = 0;

 private:
  Host& host_;
  Events events_;
  std::deque<v1::AttachResponse> waiting_;
  bool reading_ = false;
  bool over_ = false;
};

class MemoryCoordinatorServer::Host {
 public:
  ~Host() {
    thread.post([this] { thread.release(); });
    thread.join();
  }

  void opened(const std::shared_ptr<Stream>& stream) {
    stream->number = next_number_++;
    streams_[stream->number] = stream;
    coordinator.stream_opened(stream->number);
    if (away) end(*stream);
  }

  void end(Stream& stream) {
    if (stream.over()) return;
    pull();
    stream.end();
    stream.flush();
    coordinator.stream_closed(stream.number);
    streams_.erase(stream.number);
  }

  void end_all() {
    while (!streams_.empty()) end(*std::shared_ptr<Stream>(streams_.begin()->second));
  }

  // Brings what the coordinator has said to the streams.
  void pull() {
    for (auto& [number, stream] : streams_) {
      for (v1::AttachResponse& message : coordinator.take(number)) stream->say(std::move(message));
      stream->flush();
    }
  }

  MemoryCoordinator coordinator;
  bool away = false;
  ClientThread thread;

 private:
  std::uint64_t next_number_ = 1;
  std::map<std::uint64_t, std::shared_ptr<Stream>> streams_;
};

void MemoryCoordinatorServer::Stream::write(v1::AttachRequest message) {
  host_.thread.post([self = shared_from_this(), message = std::move(message)] {
    if (!self->over_) self->host_.coordinator.receive(self->number, message);
    self->host_.pull();
    self->events_.written();
  });
}

void MemoryCoordinatorServer::Stream::read() {
  host_.thread.post([self = shared_from_this()] {
    self->reading_ = true;
    self->flush();
  });
}

void MemoryCoordinatorServer::Stream::cancel() {
  host_.thread.post([self = shared_from_this()] { self->host_.end(*self); });
}

void MemoryCoordinatorServer::Stream::close() {
  host_.thread.post([self = shared_from_this()] { self->events_.ended("closed"); });
}

MemoryCoordinatorServer::MemoryCoordinatorServer() : host_(std::make_unique<Host>()) {}

MemoryCoordinatorServer::~MemoryCoordinatorServer() = default;

void MemoryCoordinatorServer::run(const std::function<void(MemoryCoordinator&)>& what) {
  std::promise<void> promise;
  const std::future<void> done = promise.get_future();
  host_->thread.post([this, &what, promise = std::move(promise)]() mutable {
    what(host_->coordinator);
    host_->pull();
    promise.set_value();
  });
  done.wait();
}

void MemoryCoordinatorServer::set_away(bool away) {
  run([this, away](MemoryCoordinator&) {
    host_->away = away;
    if (away) host_->end_all();
  });
}

void MemoryCoordinatorServer::cut_streams() {
  run([this](MemoryCoordinator&) { host_->end_all(); });
}

std::shared_ptr<AttachStream> MemoryCoordinatorServer::open(AttachStream::Events events) {
  auto stream = std::make_shared<Stream>(*host_, std::move(events));
  host_->thread.post([this, stream] { host_->opened(stream); });
  return stream;
}

}  // namespace interlock
