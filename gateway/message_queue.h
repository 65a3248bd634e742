// The client's messages on their way to the backend: in order, one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace interlock {

// A value. The first one stays in the queue while it is with the backend, until it is dropped.
class MessageQueue {
 public:
  struct Message {
    std::string id;
    std::string data;
  };
  struct Room {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;  // of ids and data
  };

  bool empty() const { return waiting_.empty(); }
  bool contains(std::string_view id) const;
  // False, and nothing is taken over: this one would be more than there is room for.
  bool add(Message&& message, const Room& room);

  // The one to send now; nothing while one is with the backend.
  std::optional<Message> send_next();
  bool with_backend(std::string_view id) const {
    return sent_ && waiting_.front().message.id == id;
  }
  // Accepted, or failed. Returns its id.
  std::string drop_first();

 private:
  struct Waiting {
    Message message;  // without its data once that is sent
    std::uint64_t bytes = 0;
  };
  std::vector<Waiting> waiting_;  // oldest first
  std::uint64_t bytes_ = 0;
  bool sent_ = false;  // the first is with the backend
};

}  // namespace interlock
