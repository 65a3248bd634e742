// Asks the coordinator how things are, while somebody else keeps an eye on the keyboard.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <variant>

#include "absl/status/statusor.h"
#include "coordinator/ctl/admin_client.h"
#include "coordinator/ctl/failure.h"
#include "coordinator/ctl/top_view.h"

namespace interlock {

// Stats and ListGateways, and nothing that grows with the number of connections.
std::variant<TopSample, Failure> take_sample(AdminClient& client);

class TopSampler {
 public:
  // `stop`: the client's.
  TopSampler(AdminClient client, std::stop_source stop);
  // Asks to stop, so that what is under way ends.
  ~TopSampler();
  TopSampler(const TopSampler&) = delete;
  TopSampler& operator=(const TopSampler&) = delete;

  // Nothing happens while the last one is not answered.
  void ask();
  int fd() const { return answered_fd_; }  // readable once there is an answer
  std::optional<std::variant<TopSample, Failure>> take();

 private:
  void run();

  AdminClient client_;
  std::stop_source stop_;
  int answered_fd_;
  std::mutex mutex_;
  std::condition_variable asked_changed_;
  bool asked_ = false;
  bool over_ = false;
  std::optional<std::variant<TopSample, Failure>> answer_;
  std::thread thread_;
};

}  // namespace interlock
