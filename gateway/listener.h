// Where clients come in.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/host_port.h"
#include "gateway/event_loops.h"
#include "gateway/lane.h"

namespace interlock {

struct ListenerOptions {
  HostPort listen;  // port 0: the system chooses one, see Listener::port()
  ListenerLimits limits;
  UpgradePolicy policy;
  StaticFiles files;
  const TlsIdentity* tls = nullptr;  // none: plain; must outlive the listener
  ApiClient* api = nullptr;  // none: the HTTP API is not served; must outlive the listener
  Tracer* tracer = nullptr;  // none: nothing is recorded; must outlive the listener
};

// One lane for each event loop, all on the same port: the kernel spreads new connections over them,
// so that none has to be handed from one thread to another.
class Listener {
 public:
  // Listens before it returns. The status is a sentence that names the address. What is passed by
  // reference must outlive the listener, and the loops too.
  static absl::StatusOr<std::unique_ptr<Listener>> start(EventLoops& loops, ListenerOptions options,
                                                         CoordinatorClient& coordinator,
                                                         BackendClient* backend,
                                                         GatewayMetrics& metrics);
  // Stops the loops, which may still be running sessions; drain() first.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int port() const { return port_; }
  std::size_t sessions() const { return shared_->sessions.load(); }
  std::size_t sockets() const { return shared_->sockets->now(); }

  // Accepts no more, tells every session that the gateway stops (4001, each with its own delay),
  // and waits until the last socket is closed; what is left after `budget` is cut. For main(): it
  // blocks.
  void drain(std::chrono::milliseconds budget);

  // Ends the sessions of those whom the policy's is_revoked names by now. Does not wait. From any
  // thread.
  void end_revoked();

  // Takes no new sessions, and ends those that there are as drain() does, so many a second. Does
  // not wait. From any thread.
  void send_away(std::uint32_t per_s);

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  Listener(EventLoops& loops, std::shared_ptr<LaneShared> shared, GatewayMetrics& metrics);
  absl::Status open_lanes(const HostPort& listen, CoordinatorClient& coordinator,
                          BackendClient* backend);
  // False when the time was over before every lane had done it.
  bool on_every_lane(void (Lane::*what)(), Deadline deadline);

  EventLoops& loops_;
  std::shared_ptr<LaneShared> shared_;
  GatewayMetrics& metrics_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  int port_ = 0;
};

}  // namespace interlock
