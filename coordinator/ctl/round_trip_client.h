// A client that keeps to the protocol, and notices when the gateway does not.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "coordinator/ctl/round_trip.h"

namespace interlock {

class RoundTripClient {
 public:
  RoundTripClient(RoundTripWorld& world, std::string session, std::int64_t patience_ms)
      : world_(world), session_(std::move(session)), patience_ms_(patience_ms) {}

  // Until `ready`. A second time: resumes behind the last event seen.
  Outcome connect(const std::string& url);
  // Until the event of this sequence has come; each in its order, and once.
  Outcome wait_for(std::uint64_t sequence);
  void acknowledge();
  void cut();
  // Says 1000, and wants to hear it.
  Outcome close();

  bool open() const { return open_; }
  const std::string& key() const { return key_; }
  std::uint64_t generation() const { return generation_; }
  std::uint64_t last() const { return last_; }  // event seen
  const std::string& state() const { return state_; }  // of the last `ready`
  bool resumed() const { return resumed_; }

 private:
  struct Hello {
    std::string key;
    std::uint64_t generation = 0;
    std::uint64_t next = 0;  // the first event that this socket will deliver
    bool resumed = false;
  };

  std::string query() const;
  // Reads frames until `done`; the failure names `what` was waited for.
  Outcome read_until(const std::function<bool()>& done, const std::string& what);
  Outcome take(const std::string& text);
  Outcome take_hello(const Hello& hello);
  Outcome take_event(std::uint64_t sequence);

  RoundTripWorld& world_;
  const std::string session_;
  const std::int64_t patience_ms_;
  bool open_ = false;
  bool greeted_ = false;
  bool ready_ = false;
  bool resumed_ = false;
  std::string key_;
  std::string state_;
  std::uint64_t generation_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace interlock
