// Carries out what a session decides, and tells it what happened.
//
// It decides nothing itself: actions are carried out in the order in which they come, and what the
// socket, the coordinator, the backend and the timers report goes into the session as it arrives,
// on the session's own event loop. Before each of them it looks whether the gateway may act, so
// that a process that was frozen holds before it does anything else. The life of a shell reads:
// start (the claim is asked), serve (101, then frames as they come), release.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "gateway/backend_client.h"
#include "gateway/coordinator_client.h"
#include "gateway/deadlines.h"
#include "gateway/gateway_metrics.h"
#include "gateway/session.h"
#include "gateway/session_trace.h"
#include "gateway/turn_away.h"
#include "gateway/upgrade.h"
#include "gateway/websocket.h"

namespace interlock {

struct ShellLimits {
  std::uint64_t send_stall_ms = 10'000;  // a peer that takes nothing for so long is too slow
  // A platform that cuts long requests must not be first: then the client is told nothing.
  std::uint64_t age_max_ms = 55 * 60'000;     // 0: no limit
  std::uint64_t age_jitter_ms =
      10 * 60'000;  // up to so much less, so that not all come back at once
};

// What the sessions of one event loop share. Used on that loop only; ends after the loop does.
struct ShellSurroundings {
  LoopExecutor executor;
  SessionLimits limits;
  ShellLimits shell_limits;
  CoordinatorClient& coordinator;
  BackendClient* backend;  // none: no backend is configured
  GatewayMetrics& metrics;
  TurnAway& turn_away;
  std::mt19937_64 random;
  std::function<void(std::uint64_t connection)> released;  // the shell is over: let go of it
  Tracer& tracer;
};

class SessionShell final : public SocketObserver,
                           public std::enable_shared_from_this<SessionShell> {
 public:
  using Clock = std::chrono::steady_clock;

  // `connection` names it to the coordinator's client. `accepted_at`: when its TCP connection came.
  SessionShell(ShellSurroundings& around, std::uint64_t connection, UpgradeAccepted accepted,
               std::shared_ptr<ClientSocket> socket, Clock::time_point accepted_at);

  void start();
  // The gateway stops; the client is told to come back after `after_ms`.
  void drain(std::uint64_t after_ms);
  // Its subject's tokens count no more.
  void revoke();
  const std::string& subject() const { return session_.subject(); }
  // The time for draining is over.
  void cut();

  void on_incoming(Incoming incoming) override;
  void on_pong() override { feed(PongReceived{}); }
  void on_send(bool progress, bool drained) override;

 private:
  // Behind the timers of the session.
  enum Slot : std::size_t { kStall = 7, kAge, kToken, kCut, kWatch, kSlots };
  static_assert(kStall == static_cast<std::size_t>(SessionTimer::kTransient) + 1);

  Task<void> watch();
  Task<void> serve();
  void spawn(Task<void> job);
  void take_in(Incoming incoming);
  void fail();

  void feed(SessionInput input);
  void work_off();
  void look_at_hold();
  void step(SessionInput input);
  void on_notice(ConnectionNotice notice);
  void count_grant(const v1::Granted& granted);

  void carry_out(SendClaim& action);
  void carry_out(SendAbandon& action);
  void carry_out(AcceptUpgrade& action);
  void carry_out(RefuseUpgrade& action);
  void carry_out(SendOperation& action);
  void carry_out(OpenBackend& action);
  void carry_out(SendToBackend& action);
  void carry_out(SendFrame& action);
  void carry_out(SendPing& action);
  void carry_out(Acknowledge& action);
  void carry_out(EventsSent& action);
  void carry_out(ReturnCredit& action);
  void carry_out(TransientsDropped& action);
  void carry_out(CloseSocket& action);
  void carry_out(SetTimer& action);
  void carry_out(CancelTimer& action);
  void carry_out(Finish& action);

  void limit_age();
  void retire(CloseCode code);
  void set_deadline(std::size_t slot, std::uint64_t after_ms);
  void arm_timer();
  void on_timer();
  void on_due(std::size_t slot);
  void report_end();

  // A callback for another thread: what it brings is posted here, and is nothing when this is over.
  template <typename Handler>
  auto from_elsewhere(Handler handler);

  ShellSurroundings& around_;
  std::uint64_t connection_;
  Session session_;
  SessionTrace trace_;
  AnswerForm form_;
  std::optional<std::int64_t> token_expires_at_;
  std::shared_ptr<ClientSocket> socket_;
  Clock::time_point accepted_at_;
  Clock::time_point upgraded_at_{};
  LoopTimer timer_;
  Clock::time_point armed_for_ = Clock::time_point::max();
  Deadlines<kSlots> deadlines_;
  std::vector<SessionInput> later_;  // inputs that wait: actions themselves give rise to some
  std::uint64_t last_event_sent_ = 0;
  bool named_position_ = false;  // the client said what it had seen
  std::uint16_t received_code_ = 0;  // as SocketEnded says it
  bool upgrading_ = false;
  bool feeding_ = false;
  bool on_hold_ = false;  // as the session was told
  bool overfull_ = false;  // a frame found no room: none is sent any more
  bool released_ = false;
};

}  // namespace interlock
