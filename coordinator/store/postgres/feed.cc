#include "coordinator/store/postgres/feed.h"

#include <poll.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "coordinator/store/postgres/parameters.h"
#include "coordinator/store/postgres/sql.h"

namespace interlock::postgres {
namespace {

constexpr std::int32_t kRowsAtOnce = 4'096;
constexpr std::chrono::milliseconds kLookEvery{500};  // when no notification comes
constexpr std::chrono::milliseconds kReconnectAfter{200};
constexpr std::chrono::seconds kPruneEvery{60};

}  // namespace

Feed::Feed(const ConnectionSettings& settings, Lineage& lineage)
    : settings_(settings),
      lineage_(lineage),
      prune_at_(Clock::now() + kPruneEvery),
      thread_([this] { run(); }) {}

Feed::~Feed() {
  wakeup_.stop();
  thread_.join();
}

void Feed::watch(Position from, FeedSink sink) {
  {
    const std::lock_guard lock(mutex_);
    new_watch_ = Watch{from, std::move(sink)};
  }
  wakeup_.wake();
}

bool Feed::replaced() {
  const std::lock_guard lock(mutex_);
  if (!new_watch_) return false;
  watch_ = std::exchange(new_watch_, std::nullopt);
  return true;
}

void Feed::run() {
  while (!wakeup_.stopped()) {
    replaced();
    if (!watch_) {
      wakeup_.wait(-1, 0, Clock::now() + std::chrono::hours(1));
      continue;
    }
    if (!connect()) {
      wakeup_.wait(-1, 0, Clock::now() + kReconnectAfter);
      continue;
    }
    while (!wakeup_.stopped() && watch_ && !look()) replaced();
    if (connection_->broken()) continue;
    prune();
    wakeup_.wait(PQsocket(connection_->get()), POLLIN, Clock::now() + kLookEvery);
    // What it says does not matter: it is looked anyway.
    PQconsumeInput(connection_->get());
    while (PGnotify* notification = PQnotifies(connection_->get())) PQfreemem(notification);
  }
}

bool Feed::connect() {
  if (connection_ != nullptr && !connection_->broken()) return true;
  connection_.reset();
  auto opened = Connection::open(settings_, wakeup_, lineage_);
  if (!opened.ok()) {
    if (absl::IsDataLoss(opened.status())) lost(opened.status());
    return false;
  }
  connection_ = *std::move(opened);
  return connection_->run("LISTEN interlock_feed").ok();
}

bool Feed::look() {
  const auto result = connection_->run(
      kFeed, {binary(static_cast<std::int64_t>(watch_->position.value)), binary(kRowsAtOnce)});
  if (wakeup_.stopped() || connection_->broken()) return true;
  if (!result.ok()) {
    lost(result.status());
    return true;
  }
  std::uint64_t head = 0;
  std::uint64_t forgotten = 0;
  std::vector<Change> changes;
  for (int row = 0; row < result->rows(); ++row) {
    const auto revision = static_cast<Revision>(int64_of(result->at(row, 1)));
    if (result->is_null(row, 0)) {
      head = revision;
      forgotten = static_cast<std::uint64_t>(int64_of(result->at(row, 3)));
      continue;
    }
    Change change{.key = std::string(result->at(row, 0)), .revision = revision, .bytes = {}};
    if (!result->is_null(row, 2)) change.bytes = std::string(result->at(row, 2));
    changes.push_back(std::move(change));
  }
  if (watch_->position.value < forgotten || watch_->position.value > head) {
    lost(absl::OutOfRangeError("Deletions of that time have been forgotten."));
    return true;
  }
  const bool more = changes.size() >= static_cast<std::size_t>(kRowsAtOnce);
  std::ranges::sort(changes, {}, &Change::revision);
  const std::uint64_t through = more ? changes.back().revision : head;
  lineage_.reached(through);
  if (through > watch_->position.value) {
    watch_->position.value = through;
    watch_->sink.changes(std::move(changes), watch_->position);
  }
  return !more;
}

void Feed::lost(absl::Status reason) {
  const Watch watch = *std::exchange(watch_, std::nullopt);
  watch.sink.resync(std::move(reason));
}

void Feed::prune() {
  if (Clock::now() < prune_at_) return;
  prune_at_ = Clock::now() + kPruneEvery;
  (void)connection_->run(kPrune);  // another time, then
}

}  // namespace interlock::postgres
