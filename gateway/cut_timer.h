// A peer that takes too long is cut off.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "gateway/websocket.h"

namespace interlock {

// Cuts the socket when it is not destroyed within the time. The timer does not keep the socket.
class CutTimer {
 public:
  CutTimer(LoopExecutor executor, const std::shared_ptr<ClientSocket>& socket,
           std::uint64_t after_ms)
      : timer_(executor, std::chrono::milliseconds(after_ms)) {
    timer_.async_wait([weak = std::weak_ptr(socket)](boost::system::error_code error) {
      if (error) return;
      if (const auto late = weak.lock()) late->cut();
    });
  }

 private:
  LoopTimer timer_;
};

}  // namespace interlock
