// Which messages were accepted already, so that a repeated one starts nothing.
#pragma once

#include <cstddef>
#include <string>

#include "deploy/demo/agent/recent_map.h"

namespace interlock {

// Keeps the last `messages_max` message ids of all keys together. Forgetting one is safe as long as
// the connection's record still knows the run: its name follows from the message (run_name), and so
// the coordinator recognises every event of a second copy.
class MessageMemory {
 public:
  explicit MessageMemory(std::size_t messages_max) : known_(messages_max) {}

  bool knows(const std::string& key, const std::string& message_id) const {
    return known_.contains(name_of(key, message_id));
  }
  void remember(const std::string& key, const std::string& message_id) {
    known_.touch(name_of(key, message_id));
  }

 private:
  struct Nothing {};

  // A key contains no control characters, so the pair reads back in one way only.
  static std::string name_of(const std::string& key, const std::string& message_id) {
    return key + '\n' + message_id;
  }

  RecentMap<Nothing> known_;
};

}  // namespace interlock
