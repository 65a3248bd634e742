#include "common/file_watch.h"

#include <utility>

#include "common/log.h"

namespace interlock {
namespace {

std::vector<std::optional<FileStamp>> stamps_of(const std::vector<std::string>& paths) {
  std::vector<std::optional<FileStamp>> stamps;
  for (const std::string& path : paths) stamps.push_back(stamp_of_file(path));
  return stamps;
}

}  // namespace

FileWatch::FileWatch(Metrics& metrics, std::chrono::milliseconds interval)
    : metrics_(metrics), interval_(interval) {}

FileWatch::~FileWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  news_.notify_one();
  if (thread_.joinable()) thread_.join();
}

absl::Status FileWatch::add(const std::string& name, std::vector<std::string> paths, Read read) {
  Stamps seen = stamps_of(paths);
  const absl::Status status = read();
  if (status.ok()) {
    watched_.push_back({name, std::move(paths), std::move(read), std::move(seen)});
  }
  return status;
}

void FileWatch::start() {
  if (!watched_.empty()) thread_ = std::thread([this] { run(); });
}

void FileWatch::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (news_.wait_for(lock, interval_, [this] { return stopping_; })) return;
    }
    for (Watched& each : watched_) look_at(each);
  }
}

void FileWatch::look_at(Watched& watched) {
  Stamps now = stamps_of(watched.paths);
  if (now == watched.seen) return;
  const absl::Status status = watched.read();
  metrics_
      .counter("interlock_file_reloads_total", "Files that had changed and were read again.",
               {{"file", watched.name}, {"result", status.ok() ? "ok" : "failed"}})
      .Increment();
  if (status.ok()) {
    watched.seen = std::move(now);
    watched.failing = false;
    log_notice("A file has changed and was read again.", {{"file", watched.name}});
  } else if (!std::exchange(watched.failing, true)) {
    log_error("A file has changed and cannot be used; what it said before holds.",
              {{"file", watched.name}, {"reason", std::string(status.message())}});
  }
}

}  // namespace interlock
