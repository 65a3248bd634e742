#include "coordinator/service/watch_stream.h"

#include <chrono>

#include "coordinator/service/translate.h"

namespace interlock {
namespace {

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

v1::WatchResponse response_of(const Watched& watched) {
  v1::WatchResponse response;
  response.set_revision(watched.through);
  if (watched.missed) {
    response.set_missed(true);
  } else if (watched.bookmark) {
    response.set_caught_up(watched.through);
  } else if (!watched.connection) {
    response.set_removed_key(watched.key);
  } else {
    v1::Connection* shown = watched.left ? response.mutable_left() : response.mutable_changed();
    to_proto(*watched.connection, v1::OBSERVED, shown);
    to_proto(watched.steps, watched.connection->record.transitions_total,
             shown->mutable_transitions());
  }
  return response;
}

}  // namespace

WatchStream* WatchStream::start(EngineThread& engine, Workers& workers, std::string key,
                                std::shared_ptr<const ConnectionFilter> filter,
                                Revision from_revision) {
  const std::shared_ptr<WatchStream> stream(
      new WatchStream(engine, workers, std::move(key), std::move(filter), from_revision));
  stream->keep_alive();
  // The headers say that the watch stands: what happens from here on will be seen.
  stream->watcher_ = engine.watch({.key = stream->key_,
                                   .bookmarks = true,
                                   .filter = stream->filter_,
                                   .resume_from = from_revision},
                                  [self = std::weak_ptr(stream)](const Watched& watched) {
                                    if (const auto stream = self.lock()) stream->changed(watched);
                                  });
  stream->StartSendInitialMetadata();
  if (from_revision != 0) stream->catch_up();
  return stream.get();
}

void WatchStream::changed(const Watched& watched) {
  // While the scan goes on not everything up to here has been shown, and nothing may say that it
  // has: whoever goes on behind such a revision would never see what the scan had not come to.
  const bool scanning = scanning_;
  if (scanning && watched.bookmark) return;
  if (queued() >= kWatchQueueMax) {
    missed_ = true;
    return;
  }
  if (std::exchange(missed_, false)) {
    v1::WatchResponse gap;
    gap.set_missed(true);
    gap.set_revision(scanning ? from_ : watched.through);
    push(std::move(gap));
  }
  v1::WatchResponse response = response_of(watched);
  if (scanning) response.set_revision(from_);
  push(std::move(response));
}

void WatchStream::drained() {
  if (turn_to_scan_.exchange(false)) catch_up();
}

void WatchStream::catch_up() {
  ScanAsked asked{.ticket = 0, .after = scanned_to_, .limit = 200};
  asked.newer_than = from_;
  engine_.scan(std::move(asked), [self = std::weak_ptr(shared())](const Scanned& scanned) {
    if (const auto stream = self.lock()) stream->show(scanned);
  });
}

void WatchStream::show(const Scanned& scanned) {
  for (const SeenConnection& seen : scanned.connections) {
    if (!key_.empty() && seen.key != key_) continue;
    Watched watched{.watcher = 0, .key = seen.key, .connection = seen, .steps = {}};
    watched.left = filter_ != nullptr && !filter_->matches(seen, unix_ms());
    watched.through = from_;  // until the end of it, a resume begins where this one did
    push(response_of(watched));
  }
  if (scanned.next.empty()) {
    v1::WatchResponse done;
    done.set_caught_up(scanned.through);
    done.set_revision(scanned.through);
    push(std::move(done));
    scanning_ = false;
    return;
  }
  scanned_to_ = scanned.next;
  turn_to_scan_ = true;
  if (queued() == 0) drained();
}

}  // namespace interlock
