// What a session is told, and what it wants done.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gateway/close_code.h"
#include "interlock/v1/backend.pb.h"
#include "interlock/v1/gateway.pb.h"

namespace interlock {

struct SessionLimits {
  std::uint64_t claim_timeout_ms = 1500;         // then the upgrade is refused with 503
  std::uint64_t setup_timeout_ms = 25'000;       // from the grant to ready; then closed with 4006
  std::uint64_t ping_interval_ms = 25'000;       // also the heartbeat_ms of hello
  std::uint64_t pong_timeout_ms = 10'000;        // after a ping; then closed with 4003
  std::uint64_t close_timeout_ms = 2'000;        // for the peer's half of the closing handshake
  std::uint64_t open_retry_initial_ms = 500;     // while DEGRADED, exponential with full jitter
  std::uint64_t open_retry_max_ms = 30'000;
  std::uint32_t early_messages_max = 16;         // before ready; one more is closed with 4006
  std::uint64_t early_bytes_max = 128 * 1024;
  std::uint32_t waiting_messages_max = 64;       // after ready; one more gets RESOURCE_EXHAUSTED
  std::uint64_t waiting_bytes_max = 1024 * 1024;
  std::uint32_t transients_held_max = 256;       // ahead of their event; one more drops the oldest
  std::uint64_t transient_bytes_max = 256 * 1024;
  std::uint64_t transient_wait_ms = 1'000;       // for the event that it follows; then dropped
  std::uint32_t kept_frames_max = 64;            // during a hold; one more is closed with 4006
  std::uint64_t kept_bytes_max = 256 * 1024;
};

// What the checked upgrade request says.
struct SessionRequest {
  std::string key;
  std::string subject;
  std::string session;
  std::string claim_id;                          // 16 random bytes
  std::optional<v1::Attempt> attempt;
  std::optional<v1::ClientPosition> position;
  bool show_states = false;                      // ?states=1
  bool has_backend = false;                      // a backend is configured
  v1::Policy policy = v1::TAKE_OVER;
};

enum class SessionTimer : std::uint8_t {
  kClaim, kSetup, kPing, kPong, kClose, kOpenRetry, kTransient,
};

// ---- inputs ----

struct Started {};
struct ClaimAnswered { v1::ClaimAnswer answer; };
struct Upgraded {};                              // the 101 is written; frames may be sent
struct Operated { v1::OperateAnswer answer; };
enum class OpenResult : std::uint8_t { kOk, kUnavailable, kRefused };
struct BackendOpened { OpenResult result; };
struct MessageTaken { std::string id; };         // the backend's acceptance
// `code` is that of an error frame. UNAVAILABLE: the backend was not reached, so the connection is
// DEGRADED until it is. ABORTED: it has seen a higher generation, so this one is over.
struct MessageFailed { std::string id; std::string code; std::string message; bool retryable; };
struct TransientReceived { v1::Transient event; };
struct FrameReceived { bool binary = false; std::string payload; };
struct PongReceived {};
struct Delivered { v1::Delivery delivery; };
struct StateMoved { v1::StateNotice notice; };
struct SupersededNotice { std::uint64_t by_generation = 0; };
struct ReleasedNotice { v1::Released released; };
struct DrainRequested { std::uint64_t after_ms = 0; };  // this gateway stops; after_ms is jittered
struct ConsumerTooSlow {};                       // the shell's write queue is over its limit
struct FrameTooBig {};                           // the shell has already sent 1009
struct SocketEnded { std::uint16_t code = 0; };  // received code, 1005 or 1006; the last input
struct TimerFired { SessionTimer timer; };
// Link to the coordinator is known to be down (breaker open): the claim cannot be asked now.
struct CoordinatorAway { std::uint64_t after_ms = 0; };
// The gateway's lease does not let it act now, or lets it act again (lease.h). Comes ahead of the
// first input for which that is so.
struct HoldBegan {};
struct HoldEnded {};

using SessionInput =
    std::variant<Started, ClaimAnswered, Upgraded, Operated, BackendOpened, MessageTaken,
                 MessageFailed, TransientReceived, FrameReceived, PongReceived, Delivered,
                 StateMoved, SupersededNotice, ReleasedNotice, DrainRequested, ConsumerTooSlow,
                 FrameTooBig, SocketEnded, TimerFired, CoordinatorAway, HoldBegan, HoldEnded>;

// ---- actions ----

struct SendClaim { v1::ClaimRequest request; };
struct SendAbandon { v1::AbandonRequest request; };
struct AcceptUpgrade {};
// Before the 101. `http` for everybody; for browsers 101 and at once `code`. Finish follows.
struct RefuseUpgrade {
  std::uint16_t http = 503;
  CloseCode code = CloseCode::kNotNow;
  std::uint64_t after_ms = 0;                    // Retry-After, rounded up to seconds; 0: none
  std::uint64_t current_generation = 0;          // said for 4007
  std::string message;
};
struct SendOperation { std::uint64_t generation; v1::Operation operation; };  // the link numbers it
struct OpenBackend { std::uint64_t generation; bool resumed; };  // resumed: the machine goes on
struct SendToBackend { std::uint64_t generation; std::string id; std::string data; };
struct SendFrame { std::string text; };
struct SendPing {};
struct Acknowledge { std::uint64_t generation; std::uint64_t sequence; };
struct EventsSent { std::uint64_t generation; std::uint64_t sequence; };  // for the reconcile list
struct ReturnCredit { std::uint64_t bytes; };
struct TransientsDropped { std::uint64_t count; };  // too late, too early or too many; for metrics
// May come before the 101 is written; there is no close frame to send then.
struct CloseSocket { CloseCode code; std::string reason; };
struct SetTimer { SessionTimer timer; std::uint64_t after_ms; };  // in place of one that is set
struct CancelTimer { SessionTimer timer; };
// Nothing more will come but credit for deliveries that are still fed in: the shell ends the socket
// if it still stands, drops its timers and forgets the session.
struct Finish {};

using SessionAction =
    std::variant<SendClaim, SendAbandon, AcceptUpgrade, RefuseUpgrade, SendOperation, OpenBackend,
                 SendToBackend, SendFrame, SendPing, Acknowledge, EventsSent, ReturnCredit,
                 TransientsDropped, CloseSocket, SetTimer, CancelTimer, Finish>;
using SessionActions = std::vector<SessionAction>;

}  // namespace interlock
