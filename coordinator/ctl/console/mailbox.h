// What waits to be sent to one page: from several threads to the one that writes, never much.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>

namespace interlock {

inline constexpr std::size_t mailbox_bytes_max = 1024 * 1024;
inline constexpr std::size_t frame_bytes_max = 256 * 1024;

class Mailbox {
 public:
  // `has_news` is called, on the thread that puts, when something comes into an empty mailbox.
  explicit Mailbox(std::function<void()> has_news) : has_news_(std::move(has_news)) {}

  // One JSON value. Waits while the mailbox is full, so that whoever reads slowly slows those down
  // who write; false: `stop` was asked for, and nothing was put.
  bool put(std::string value, const std::stop_token& stop);

  // What waits, oldest first, as one JSON array of about a frame's size; empty: nothing waits.
  std::string take();

 private:
  const std::function<void()> has_news_;
  std::mutex mutex_;
  std::condition_variable_any room_;
  std::deque<std::string> values_;
  std::size_t bytes_ = 0;
};

}  // namespace interlock
