#include "coordinator/store/memory_store.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>

#include "coordinator/store/memory_feed.h"

namespace interlock {
namespace {

using ReadDone = std::function<void(absl::StatusOr<std::vector<std::vector<Attachment>>>)>;

absl::Status away_status() { return absl::UnavailableError("The memory store is away."); }

struct Commit {
  Batch batch;
  std::vector<Fate> fates;
  std::function<void(std::vector<Outcome>)> done;

  std::uint64_t longest(std::uint64_t Fate::* delay) const {
    std::uint64_t longest = 0;
    for (const Fate& fate : fates) longest = std::max(longest, fate.*delay);
    return longest;
  }
  std::vector<Outcome> all(const Outcome& outcome) const {
    return std::vector<Outcome>(batch.size(), outcome);
  }
};

// A load under way: what stood when it arrived, handed out piece by piece.
struct Snapshot {
  std::vector<LoadedRecord> records;
  std::size_t sent = 0;
  Position position;
  LoadSink sink;
};

bool applies_at_once(Ending ending) {
  return ending == Ending::kAnswered || ending == Ending::kUnknownApplied;
}

}  // namespace

// It outlives the store while the scheduler still has work of it. Its mutex is there for the store
// that is destroyed in one thread while the scheduler's runs a callback; it is recursive for the
// one that is destroyed by its own callback.
class MemoryStore::Client : public std::enable_shared_from_this<Client> {
 public:
  Client(std::shared_ptr<MemoryWorld> world, Scheduler scheduler, MemoryFaults faults)
      : world_(std::move(world)),
        scheduler_(std::move(scheduler)),
        faults_(std::move(faults)),
        feed_(world_, faults_, [this](std::uint64_t delay_ms, std::function<void()> work) {
          later(delay_ms, std::move(work));
        }) {}

  const MemoryFaults& faults() const { return faults_; }

  void close() {
    std::lock_guard lock(mutex_);
    open_ = false;
    feed_.end();
  }

  void commit(Batch batch, std::function<void(std::vector<Outcome>)> done) {
    auto commit = std::make_shared<Commit>(Commit{std::move(batch), {}, std::move(done)});
    if (absl::Status checked = check_batch(commit->batch, faults_.limits); !checked.ok()) {
      later(0, [this, commit, checked] { answer(*commit, commit->all(Failed{checked})); });
      return;
    }
    for (const Entry& entry : commit->batch) {
      commit->fates.push_back(faults_.fate ? faults_.fate(entry) : Fate{});
    }
    later(commit->longest(&Fate::apply_after_ms), [this, commit] { arrive(commit); });
  }

  void read(std::vector<ReadRequest> requests, ReadDone done) {
    later(lag(faults_.read_lag_ms), [this, requests = std::move(requests), done = std::move(done)] {
      if (!open_) return;
      if (away_ != Away::kNo) return done(away_status());
      std::vector<std::vector<Attachment>> lists;
      for (const ReadRequest& request : requests) {
        lists.push_back(world_->read(request));
        shorten(lists.back());
      }
      done(std::move(lists));
    });
  }

  void load(LoadSink sink) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->sink = std::move(sink);
    later(lag(faults_.read_lag_ms), [this, snapshot] {
      for (const auto& [key, record] : world_->records()) {
        snapshot->records.push_back({key, record.now});
      }
      snapshot->position = world_->position();
      send(snapshot);
    });
  }

  void watch(Position from, FeedSink sink) {
    later(0, [this, from, sink = std::move(sink)] {
      if (!open_) return;
      if (!subscribed_) {
        world_->subscribe(weak_from_this(), [this] { later(0, [this] { feed_.pump(); }); });
        subscribed_ = true;
      }
      feed_.watch(from, sink);
    });
  }

  void set_away(Away away) {
    std::lock_guard lock(mutex_);
    away_ = away;
    feed_.set_silent(away != Away::kNo);
    later(0, [this] { feed_.pump(); });
  }

  void lose_feed(std::string reason) {
    later(0, [this, reason = std::move(reason)] { feed_.resync(absl::DataLossError(reason)); });
  }

  void hold() {
    std::lock_guard lock(mutex_);
    holding_ = true;
  }

  void release(std::size_t commits, bool stay) {
    std::lock_guard lock(mutex_);
    holding_ = stay;
    for (; commits > 0 && !held_.empty(); --commits) {
      later(0, [this, commit = std::move(held_.front())] { land(commit); });
      held_.pop_front();
    }
  }

  std::size_t held() const {
    std::lock_guard lock(mutex_);
    return held_.size();
  }

 private:
  void later(std::uint64_t delay_ms, std::function<void()> work) {
    scheduler_(delay_ms, [self = shared_from_this(), work = std::move(work)] {
      std::lock_guard lock(self->mutex_);
      work();
    });
  }

  std::uint64_t lag(const std::function<std::uint64_t()>& hook) const { return hook ? hook() : 0; }

  // Now and then a list ends too soon, as if its end had not been written yet.
  void shorten(std::vector<Attachment>& list) const {
    if (!faults_.short_reads || !faults_.random || list.empty()) return;
    if (faults_.random() % 4 != 0) return;
    list.resize(faults_.random() % list.size());
    if (faults_.shortened) faults_.shortened();
  }

  void arrive(const std::shared_ptr<Commit>& commit) {
    if (away_ == Away::kFailed) return answer(*commit, commit->all(Failed{away_status()}));
    if (away_ == Away::kUnknown) return answer(*commit, commit->all(Unknown{away_status()}));
    if (holding_) return held_.push_back(commit);
    land(commit);
  }

  void land(const std::shared_ptr<Commit>& commit) {
    Batch now;
    for (std::size_t i = 0; i < commit->batch.size(); ++i) {
      const Fate& fate = commit->fates[i];
      if (applies_at_once(fate.ending)) now.push_back(commit->batch[i]);
      if (fate.ending != Ending::kUnknownLate) continue;
      later(fate.land_after_ms, [this, late = Batch{commit->batch[i]}] { world_->apply(late); });
    }
    std::vector<Outcome> applied = world_->apply(now);
    std::vector<Outcome> outcomes;
    std::size_t next = 0;
    for (const Fate& fate : commit->fates) {
      Outcome outcome = Unknown{absl::DeadlineExceededError("The answer was lost.")};
      if (fate.ending == Ending::kFailed) outcome = Failed{absl::AbortedError("The store failed.")};
      if (fate.ending == Ending::kAnswered) outcome = std::move(applied[next]);
      if (applies_at_once(fate.ending)) ++next;
      outcomes.push_back(std::move(outcome));
    }
    later(commit->longest(&Fate::answer_after_ms),
          [this, commit, outcomes = std::move(outcomes)] { answer(*commit, outcomes); });
  }

  void answer(const Commit& commit, std::vector<Outcome> outcomes) {
    if (open_) commit.done(std::move(outcomes));
  }

  void send(const std::shared_ptr<Snapshot>& snapshot) {
    if (!open_) return;
    if (away_ != Away::kNo) return snapshot->sink.done(away_status());
    auto& records = snapshot->records;
    if (snapshot->sent == records.size()) return snapshot->sink.done(snapshot->position);
    const std::size_t end = std::min(records.size(), snapshot->sent + kLoadChunkRecords);
    std::vector<LoadedRecord> chunk(std::make_move_iterator(records.begin() + snapshot->sent),
                                    std::make_move_iterator(records.begin() + end));
    snapshot->sent = end;
    snapshot->sink.chunk(std::move(chunk));
    later(lag(faults_.read_lag_ms), [this, snapshot] { send(snapshot); });
  }

  mutable std::recursive_mutex mutex_;
  const std::shared_ptr<MemoryWorld> world_;
  const Scheduler scheduler_;
  const MemoryFaults faults_;
  bool open_ = true;
  Away away_ = Away::kNo;
  bool holding_ = false;
  std::deque<std::shared_ptr<Commit>> held_;
  MemoryFeed feed_;
  bool subscribed_ = false;
};

MemoryStore::MemoryStore(std::shared_ptr<MemoryWorld> world, Scheduler scheduler,
                         MemoryFaults faults)
    : client_(std::make_shared<Client>(std::move(world), std::move(scheduler), std::move(faults))) {
}

MemoryStore::~MemoryStore() { client_->close(); }

StoreLimits MemoryStore::limits() const { return client_->faults().limits; }
bool MemoryStore::single_writer() const { return client_->faults().single_writer; }
void MemoryStore::load(LoadSink sink) { client_->load(std::move(sink)); }
void MemoryStore::watch(Position from, FeedSink sink) { client_->watch(from, std::move(sink)); }

void MemoryStore::commit(Batch batch, std::function<void(std::vector<Outcome>)> done) {
  client_->commit(std::move(batch), std::move(done));
}

void MemoryStore::read(std::vector<ReadRequest> requests, ReadDone done) {
  client_->read(std::move(requests), std::move(done));
}

void MemoryStore::set_away(Away away) { client_->set_away(away); }
void MemoryStore::lose_feed(std::string reason) { client_->lose_feed(std::move(reason)); }
void MemoryStore::hold() { client_->hold(); }
void MemoryStore::release() { client_->release(SIZE_MAX, false); }
void MemoryStore::release(std::size_t commits) { client_->release(commits, true); }
std::size_t MemoryStore::held() const { return client_->held(); }

}  // namespace interlock
