#include "tests/coordinator/store/blocking.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

namespace interlock {
namespace {

// What each thread of the process waits in: tells a lost wake-up from a store that is stuck.
void describe_threads() {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name, where, call;
    std::getline(std::ifstream(task.path() / "comm"), name);
    std::getline(std::ifstream(task.path() / "wchan"), where);
    std::getline(std::ifstream(task.path() / "syscall"), call);
    std::fprintf(stderr, "thread %s: in %s, system call %s\n", name.c_str(), where.c_str(),
                 call.c_str());
  }
}

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "No answer within a minute: %s\n", what);
  describe_threads();
  std::abort();
}

// Shared with the callback, which may come after the test has given up.
template <class T>
class Answer {
 public:
  void set(T value) {
    {
      std::lock_guard lock(mutex_);
      value_ = std::move(value);
    }
    set_.notify_one();
  }
  T wait(const char* what) {
    std::unique_lock lock(mutex_);
    if (!set_.wait_for(lock, kPatience, [this] { return value_.has_value(); })) give_up(what);
    return *std::move(value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable set_;
  std::optional<T> value_;
};

}  // namespace

Entry put(std::string key, Revision expected, std::string record,
          std::vector<Attachment> attachments, std::optional<NumberRange> remove) {
  return {std::move(key), expected, Write::kPut, std::move(record), std::move(attachments), remove};
}

Entry erase(std::string key, Revision expected) {
  return {std::move(key), expected, Write::kDelete, {}, {}, {}};
}

Entry compare(std::string key, Revision expected) {
  return {std::move(key), expected, Write::kCompareOnly, {}, {}, {}};
}

std::vector<Outcome> commit(Store& store, Batch batch) {
  auto answer = std::make_shared<Answer<std::vector<Outcome>>>();
  store.commit(std::move(batch),
               [answer](std::vector<Outcome> outcomes) { answer->set(std::move(outcomes)); });
  return answer->wait("commit");
}

Outcome commit(Store& store, Entry entry) {
  std::vector<Outcome> outcomes = commit(store, Batch{std::move(entry)});
  if (outcomes.size() != 1) give_up("one outcome for one entry");
  return std::move(outcomes.front());
}

absl::StatusOr<Loaded> load(Store& store) {
  auto loaded = std::make_shared<Loaded>();
  auto answer = std::make_shared<Answer<absl::StatusOr<Position>>>();
  LoadSink sink;
  sink.chunk = [loaded](std::vector<LoadedRecord> chunk) {
    loaded->largest_chunk = std::max(loaded->largest_chunk, chunk.size());
    for (LoadedRecord& each : chunk) loaded->records[each.key] = std::move(each.record);
  };
  sink.done = [answer](absl::StatusOr<Position> position) { answer->set(std::move(position)); };
  store.load(std::move(sink));
  const absl::StatusOr<Position> position = answer->wait("load");
  if (!position.ok()) return position.status();
  loaded->position = *position;
  return std::move(*loaded);
}

absl::StatusOr<std::vector<std::vector<Attachment>>> read(Store& store,
                                                          std::vector<ReadRequest> requests) {
  using Lists = absl::StatusOr<std::vector<std::vector<Attachment>>>;
  auto answer = std::make_shared<Answer<Lists>>();
  store.read(std::move(requests), [answer](Lists lists) { answer->set(std::move(lists)); });
  return answer->wait("read");
}

FeedSink FeedLog::sink() {
  FeedSink sink;
  sink.changes = [this](std::vector<Change> changes, Position through) {
    std::lock_guard lock(mutex_);
    for (Change& change : changes) changes_.push_back(std::move(change));
    shown_ = through;
    grown_.notify_all();
  };
  sink.resync = [this](absl::Status reason) {
    std::lock_guard lock(mutex_);
    resync_ = std::move(reason);
    grown_.notify_all();
  };
  return sink;
}

bool FeedLog::reach(Position position) {
  std::unique_lock lock(mutex_);
  if (!grown_.wait_for(lock, kPatience, [&] { return resync_ || shown_ >= position; })) {
    give_up("the feed reaches a position");
  }
  return !resync_;
}

absl::Status FeedLog::wait_for_resync() {
  std::unique_lock lock(mutex_);
  if (!grown_.wait_for(lock, kPatience, [&] { return resync_.has_value(); })) {
    give_up("the feed is lost");
  }
  return *resync_;
}

std::vector<Change> FeedLog::changes() const {
  std::lock_guard lock(mutex_);
  return changes_;
}

std::vector<Change> FeedLog::changes_of(const std::string& key) const {
  std::vector<Change> found;
  for (Change& change : changes()) {
    if (change.key == key) found.push_back(std::move(change));
  }
  return found;
}

bool full() {
  const char* value = std::getenv("INTERLOCK_FULL");
  return value != nullptr && std::string(value) == "1";
}

void count(const std::string& name, std::uint64_t value) {
  const char* path = std::getenv("INTERLOCK_COUNTS");
  if (path != nullptr) std::ofstream(path, std::ios::app) << name << ' ' << value << '\n';
}

}  // namespace interlock
