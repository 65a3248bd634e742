// One event loop's share of the listener: its acceptor, the clients that are being greeted, and the
// sessions that it carries.
#pragma once

#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <unordered_map>
#include <unordered_set>

#include "gateway/event_loops.h"
#include "gateway/http_api.h"
#include "gateway/session_shell.h"
#include "gateway/socket_count.h"
#include "gateway/static_files.h"
#include "gateway/tls_identity.h"
#include "gateway/token_bucket.h"
#include "gateway/turn_away.h"
#include "gateway/upgrade.h"
#include "gateway/websocket.h"

namespace interlock {

struct ListenerLimits {
  SocketLimits socket;
  SessionLimits session;
  ShellLimits shell;
  HttpApiLimits api;
  std::size_t sessions_max = 10'000;  // one more upgrade is refused with 429
  std::size_t greetings_max = 1'000;  // sockets beyond the sessions; one more is closed
  std::uint64_t head_timeout_ms = 5'000;  // from the accepted connection to its whole head
  std::uint64_t send_stall_ms = 10'000;  // a peer that takes nothing for so long is too slow
  double upgrades_per_second_max = 2'000;  // one more is refused with 429; 0: no limit
  double browser_closes_per_second_max = 200;  // refusals said as 101 and a close code; 0: no limit
  double drain_per_second = 500;  // clients are told to come back at about this rate, jittered,
  std::uint64_t drain_after_ms_max = 4'000;  // but each within this
  std::size_t send_buffer_bytes = 128 * 1024;  // of the kernel, for each socket
};

// What all lanes share.
struct LaneShared {
  ListenerLimits limits;
  UpgradePolicy policy;
  StaticFiles files;
  ApiClient* api = nullptr;  // none: the HTTP API is not served
  const TlsIdentity* tls = nullptr;  // none: clients are spoken to in plain
  Tracer untraced;
  Tracer* tracer = &untraced;
  std::size_t lanes = 1;
  std::shared_ptr<SocketCount> sockets = std::make_shared<SocketCount>();
  std::shared_ptr<std::atomic<std::size_t>> api_requests =
      std::make_shared<std::atomic<std::size_t>>(0);
  std::atomic<std::size_t> sessions = 0;
  std::atomic<std::uint64_t> next_connection = 1;
};

using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, LoopExecutor>;

// Everything but the constructor and destructor happens on the lane's loop.
class Lane {
 public:
  Lane(std::shared_ptr<LaneShared> shared, Acceptor acceptor, CoordinatorClient& coordinator,
       BackendClient* backend, GatewayMetrics& metrics);

  LoopExecutor executor() { return acceptor_.get_executor(); }
  void start();
  // Accepts no more, tells every session that the gateway stops, and gives those who have not said
  // what they want a moment longer.
  void drain();
  // An operator wants this gateway empty: no new sessions, and those that there are end as in
  // drain(), so many a second; the listener stays, to say so. Once more sets another pace.
  void send_away(double per_s);
  // Ends the sessions of those who are revoked by now.
  void end_revoked();
  // Closes what is still there.
  void cut();

 private:
  using Clock = std::chrono::steady_clock;

  Task<void> accept();
  Task<void> greet(std::shared_ptr<ClientSocket> socket, Clock::time_point accepted_at);
  Task<void> dismiss_silent();
  void take_in(TcpSocket socket);
  void answer(std::shared_ptr<ClientSocket> socket, Clock::time_point accepted_at);
  void open_session(std::shared_ptr<ClientSocket> socket, UpgradeAccepted accepted,
                    Clock::time_point accepted_at);
  void release(std::uint64_t connection);
  std::uint64_t jittered(std::uint64_t max_ms);

  std::shared_ptr<LaneShared> shared_;
  Acceptor acceptor_;
  GatewayMetrics& metrics_;
  TurnAway turn_away_;
  HttpApi api_;
  TokenBucket admission_;
  ShellSurroundings around_;
  std::unordered_map<std::uint64_t, std::shared_ptr<SessionShell>> sessions_;
  std::unordered_set<std::shared_ptr<ClientSocket>> greeted_;  // their head is awaited
  Task<void> send_away_slowly();

  bool draining_ = false;
  double away_per_s_ = 0;  // above 0: sessions are sent elsewhere
};

}  // namespace interlock
