// A gateway without clients: the real attachment over the real stream, holding connections whose
// sockets are only imagined.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gateway/grpc_coordinator_client.h"

namespace interlock::bench {

struct SimulatedGatewaySettings {
  int coordinator_port = 0;  // on 127.0.0.1
  std::string token;         // empty: none
  std::string name;          // in the keys that it claims; no other gateway has the same
};

// A claim of an open loop.
struct Sample {
  std::int64_t intended_us = 0;  // CLOCK_MONOTONIC, when it was to be sent
  std::int64_t took_us = 0;      // from then to its answer, however late it was sent
};

// What happened to the connections so far.
struct Tally {
  std::uint64_t granted = 0;
  std::uint64_t refused = 0;
  std::uint64_t lost = 0;  // superseded, or released by the coordinator
};

class SimulatedGateway {
 public:
  explicit SimulatedGateway(const SimulatedGatewaySettings& settings);
  ~SimulatedGateway();
  SimulatedGateway(const SimulatedGateway&) = delete;
  SimulatedGateway& operator=(const SimulatedGateway&) = delete;

  // Each waits, and says false when that takes more than a minute.
  bool wait_attached();
  // Closed loop: so many fresh connections, at most `outstanding_max` of them unanswered.
  bool claim(std::uint64_t count, std::uint64_t outstanding_max);
  // Cuts the stream, and waits until the coordinator has answered the list on the next one.
  bool reattach();

  // Open loop: claims fresh connections at this rate until stop_steady(), which waits for the last
  // answer and gives what they took; nothing when an answer did not come within a minute.
  void start_steady(double claims_per_s);
  std::optional<std::vector<Sample>> stop_steady();

  Tally tally() const;

 private:
  void ask(std::int64_t intended_us, bool sampled);
  void noticed(std::int64_t intended_us, bool sampled, const ConnectionNotice& notice);
  void steady(double claims_per_s);
  template <class Condition>
  bool wait(Condition condition);

  const SimulatedGatewaySettings settings_;
  mutable std::mutex mutex_;  // guards what follows, which the client's thread changes
  std::condition_variable changed_;
  Tally tally_;
  std::uint64_t asked_ = 0;
  bool stopping_ = false;
  std::vector<Sample> samples_;
  std::thread steady_;
  GrpcCoordinatorClient client_;  // last: its end comes first, and nothing is noticed afterwards
};

}  // namespace interlock::bench
