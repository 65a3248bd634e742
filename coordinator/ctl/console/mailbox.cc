#include "coordinator/ctl/console/mailbox.h"

#include <utility>

namespace interlock {

bool Mailbox::put(std::string value, const std::stop_token& stop) {
  bool first = false;
  {
    std::unique_lock lock(mutex_);
    const bool room = room_.wait(lock, stop, [this] { return bytes_ < mailbox_bytes_max; });
    if (!room || stop.stop_requested()) return false;
    first = values_.empty();
    bytes_ += value.size();
    values_.push_back(std::move(value));
  }
  if (first) has_news_();
  return true;
}

std::string Mailbox::take() {
  std::string frame;
  {
    const std::lock_guard lock(mutex_);
    while (!values_.empty() && frame.size() < frame_bytes_max) {
      frame += frame.empty() ? '[' : ',';
      frame += values_.front();
      bytes_ -= values_.front().size();
      values_.pop_front();
    }
  }
  room_.notify_all();
  if (!frame.empty()) frame += ']';
  return frame;
}

}  // namespace interlock
