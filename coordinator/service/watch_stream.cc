#include "coordinator/service/watch_stream.h"

#include "coordinator/service/translate.h"

namespace interlock {
namespace {

v1::WatchResponse response_of(const Watched& watched) {
  v1::WatchResponse response;
  if (!watched.connection) {
    response.set_removed_key(watched.key);
    return response;
  }
  v1::Connection* changed = response.mutable_changed();
  to_proto(*watched.connection, v1::OBSERVED, changed);
  to_proto(watched.steps, watched.connection->record.transitions_total,
           changed->mutable_transitions());
  return response;
}

}  // namespace

std::shared_ptr<WatchStream> WatchStream::start(EngineThread& engine, Workers& workers,
                                                std::string key) {
  std::shared_ptr<WatchStream> stream(new WatchStream(engine, workers));
  stream->self_ = stream;
  // The headers say that the watch stands: what happens from here on will be seen.
  stream->watcher_ = engine.watch(std::move(key), [self = std::weak_ptr(stream)](Watched watched) {
    if (auto stream = self.lock()) stream->changed(watched);
  });
  stream->StartSendInitialMetadata();
  return stream;
}

void WatchStream::changed(const Watched& watched) {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  if (queue_.size() >= kWatchQueueMax) {
    missed_ = true;
    return;
  }
  if (missed_) {
    v1::WatchResponse gap;
    gap.set_missed(true);
    queue_.push_back(std::move(gap));
    missed_ = false;
  }
  queue_.push_back(response_of(watched));
  if (!writing_) workers_.post([self = shared_from_this()] { self->write(); });
}

void WatchStream::write() {
  const std::lock_guard lock(mutex_);
  if (writing_ || finished_ || queue_.empty()) return;
  response_ = std::move(queue_.front());
  queue_.pop_front();
  writing_ = true;
  StartWrite(&response_);
}

void WatchStream::OnWriteDone(bool ok) {
  std::unique_lock lock(mutex_);
  writing_ = false;
  const bool finish_now = finish_after_write_;
  finish_after_write_ = false;
  lock.unlock();
  if (finish_now) {
    Finish(grpc::Status::OK);
  } else if (ok) {
    write();
  } else {
    end();
  }
}

void WatchStream::end() {
  std::unique_lock lock(mutex_);
  if (finished_) return;
  finished_ = true;
  if (writing_) {
    finish_after_write_ = true;
    return;
  }
  lock.unlock();
  Finish(grpc::Status::OK);
}

void WatchStream::OnCancel() { end(); }

void WatchStream::OnDone() {
  engine_.unwatch(watcher_);
  const std::shared_ptr<WatchStream> keep = std::move(self_);
}

}  // namespace interlock
