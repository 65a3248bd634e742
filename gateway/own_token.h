// The token by which the coordinator knows this gateway, as its file says now.
#pragma once

#include <mutex>
#include <string>
#include <utility>

namespace interlock {

// May be used from any thread. Streams go on with the token that they began with.
class OwnToken {
 public:
  void set(std::string token) {
    const std::lock_guard lock(mutex_);
    token_ = std::move(token);
  }
  std::string get() const {
    const std::lock_guard lock(mutex_);
    return token_;
  }

 private:
  mutable std::mutex mutex_;
  std::string token_;
};

}  // namespace interlock
