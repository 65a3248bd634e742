// The ends of machines that a backend is still owed, and which gateway was asked to tell it.
//
// Pure bookkeeping of the engine. What is owed stands in the records; this remembers only whom it
// was asked of, and when to ask again. Whoever wrote the end asks at once; other coordinators, and
// one that has just read its store, ask when it still stands a while later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "coordinator/engine/engine_types.h"

namespace interlock {

class ClosedNews {
 public:
  explicit ClosedNews(const EngineLimits& limits) : limits_(limits) {}

  // Of a record as it stands; `pending` 0: nobody is owed anything. `own`: written here just now.
  void observe(const std::string& key, Generation pending, bool own, std::uint64_t now_ms);
  // Of a gateway that can tell a backend.
  void open(StreamId stream) { streams_.push_back(stream); }
  void close(StreamId stream) { std::erase(streams_, stream); }

  // A key whose news is to be told now, and by whom; nothing: not now.
  struct Task {
    std::string key;
    Generation generation = 0;
    StreamId stream = 0;
  };
  std::optional<Task> next(std::uint64_t now_ms, double random);
  std::optional<std::uint64_t> wake_at_ms() const;
  std::size_t size() const { return owed_.size(); }

 private:
  struct Owed {
    Generation generation = 0;
    std::uint64_t at_ms = 0;  // 0: it waits in `ready_`
    bool asked = false;
  };
  void schedule(const std::string& key, Owed& owed, std::uint64_t at_ms);
  Task ask(const std::string& key, Owed& owed, std::uint64_t now_ms, double random);
  std::optional<Task> next_due(std::uint64_t now_ms, double random);
  bool full() const { return asked_ >= limits_.closed_under_way_max; }

  EngineLimits limits_;
  std::vector<StreamId> streams_;
  absl::flat_hash_map<std::string, Owed> owed_;
  // Both may hold what does not count any more.
  std::multimap<std::uint64_t, std::string> due_;
  std::deque<std::string> ready_;                  // due, when others have been confirmed
  std::size_t asked_ = 0;                          // and not confirmed yet
};

}  // namespace interlock
