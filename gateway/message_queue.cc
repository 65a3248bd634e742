#include "gateway/message_queue.h"

#include <algorithm>
#include <utility>

namespace interlock {

bool MessageQueue::contains(std::string_view id) const {
  return std::ranges::any_of(waiting_, [id](const Waiting& each) { return each.message.id == id; });
}

bool MessageQueue::add(Message&& message, const Room& room) {
  const std::uint64_t bytes = message.id.size() + message.data.size();
  if (waiting_.size() >= room.messages || bytes_ + bytes > room.bytes) return false;
  bytes_ += bytes;
  waiting_.push_back({std::move(message), bytes});
  return true;
}

std::optional<MessageQueue::Message> MessageQueue::send_next() {
  if (waiting_.empty() || std::exchange(sent_, true)) return std::nullopt;
  Message& first = waiting_.front().message;
  return Message{first.id, std::move(first.data)};
}

std::string MessageQueue::drop_first() {
  Waiting first = std::move(waiting_.front());
  waiting_.erase(waiting_.begin());
  bytes_ -= first.bytes;
  sent_ = false;
  return std::move(first.message.id);
}

}  // namespace interlock
