// What happens when the disk fails: the process says so and ends, and nobody is answered.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "rocksdb/listener.h"

namespace interlock {

// After a failed write or fsync nobody can say what the disk holds: the kernel may have dropped
// the dirty pages and report success the next time. Only a new start, which reads what is there
// and writes it anew, can tell. It hears of failures in RocksDB's own threads as a listener.
class FatalGate final : public rocksdb::EventListener {
 public:
  FatalGate(std::string directory, std::function<void(const std::string& sentence)> on_fatal);

  // From here on failures are fatal; before, they are the answer of opening.
  void arm() { armed_ = true; }

  // From any thread; only the first one is said. Returns when `on_fatal` does, if ever.
  void end(const std::string& reason);

  // True before `on_fatal` is called.
  bool ended() const { return ended_; }

  // Looking and answering in one step: `answer` runs before the end or not at all, so that
  // whoever has heard of the end hears of nothing else. It must not block, and not call end().
  template <class Answer>
  void unless_ended(Answer answer) {
    const std::lock_guard lock(answering_);
    if (!ended_) answer();
  }

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;

 private:
  const std::string directory_;
  const std::function<void(const std::string&)> on_fatal_;
  std::mutex answering_;
  std::atomic<bool> armed_ = false;
  std::atomic<bool> ended_ = false;
};

}  // namespace interlock
