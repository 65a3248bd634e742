// Reads files again when they have changed, under a program that goes on.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "common/file_stamp.h"
#include "common/metrics.h"

namespace interlock {

// What cannot be read is tried again at each look, and whoever reads keeps what it had before. That
// shows in the log, once, and in interlock_file_reloads_total.
class FileWatch {
 public:
  using Read = std::function<absl::Status()>;

  // The Metrics must outlive it.
  explicit FileWatch(Metrics& metrics, std::chrono::milliseconds interval = default_interval);
  // Nothing is read afterwards.
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // Calls `read` at once, and is what it says. Before start(). From then on it is called on the
  // watch's thread when one of the files is another one. `name`: for logs and metrics, one word.
  absl::Status add(const std::string& name, std::vector<std::string> paths, Read read);
  // Does nothing when there is nothing to watch.
  void start();

  static constexpr std::chrono::milliseconds default_interval{1'000};

 private:
  using Stamps = std::vector<std::optional<FileStamp>>;
  struct Watched {
    std::string name;
    std::vector<std::string> paths;
    Read read;
    Stamps seen;  // when they were last read with success
    bool failing = false;  // as it was logged last
  };

  void run();
  void look_at(Watched& watched);

  Metrics& metrics_;
  const std::chrono::milliseconds interval_;
  std::vector<Watched> watched_;
  std::mutex mutex_;  // of stopping_
  bool stopping_ = false;
  std::condition_variable news_;
  std::thread thread_;
};

}  // namespace interlock
