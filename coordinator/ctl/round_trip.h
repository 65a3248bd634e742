// What `interlockctl test` does: one client's life through one or two gateways, step by step.
//
// The steps decide what is right and what is wrong; sockets, calls and time are the world's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "coordinator/ctl/failure.h"
#include "coordinator/ctl/socket_news.h"
#include "interlock/v1/admin.pb.h"
#include "interlock/v1/events.pb.h"

namespace interlock {

class RoundTripWorld {
 public:
  virtual ~RoundTripWorld() = default;
  virtual std::int64_t now_ms() = 0;
  // A moment, before something is looked at again.
  virtual void pause() = 0;

  // One socket at a time: opening another one cuts the one before.
  virtual SocketOpening open(const std::string& url, const std::string& query) = 0;
  virtual SocketNews read(std::int64_t timeout_ms) = 0;
  virtual void send(const std::string& text) = 0;
  virtual void cut() = 0;
  virtual SocketEnd close() = 0;  // with 1000

  // The coordinator that the tool asks.
  virtual std::string coordinator() = 0;  // its address
  virtual Outcome stats(v1::StatsResponse& answer) = 0;
  virtual Outcome get_latest(const std::string& key, v1::Connection& answer) = 0;
  virtual Outcome explain(const std::string& key, v1::ExplainResponse& answer) = 0;
  virtual Outcome publish(const v1::PublishRequest& request, v1::Receipt& answer) = 0;
};

struct RoundTripPlan {
  std::string first_url;
  std::string second_url;  // where the client comes back; perhaps the same
  std::string session;     // [A-Za-z0-9_-]{1,64}
  std::uint64_t events = 5;  // before the socket is cut, and again while nobody listens
  std::int64_t patience_ms = 10'000;  // for each thing that is waited for
};

struct RoundTripStep {
  std::string name;
  bool ok = false;
  std::int64_t ms = 0;
  std::string text;  // what was seen, or what is wrong and what to do
};

// In order; after the first one that fails there are no more.
inline const std::vector<std::string> round_trip_steps = {
    "coordinator", "connect", "known",  "publish", "deliver",
    "drop",        "resume",  "replay", "live",    "close"};

// Nothing: everything works. Otherwise the failure of the step that did not; what was opened is
// closed with 1000 if that can be done.
Outcome run_round_trip(const RoundTripPlan& plan, RoundTripWorld& world,
                       const std::function<void(const RoundTripStep&)>& told);

}  // namespace interlock
