#include "tests/simulation/gateway_driver.h"

#include <array>
#include <map>
#include <set>
#include <type_traits>
#include <utility>
#include <vector>

#include "gateway/attachment.h"
#include "gateway/session.h"

namespace interlock::sim {
namespace {

constexpr std::size_t kTimers = static_cast<std::size_t>(SessionTimer::kTransient) + 1;

AttachmentLimits attachment_limits(const GatewayTimes& times) {
  AttachmentLimits limits;
  limits.heartbeat_ms = times.heartbeat_ms;
  limits.hold_after_ms = times.hold_after_ms;
  limits.give_up_after_ms = times.give_up_after_ms;
  limits.event_credit_bytes = 16 * 1024;
  return limits;
}

SessionLimits session_limits(const GatewayTimes& times) {
  SessionLimits limits;
  limits.claim_timeout_ms = times.claim_timeout_ms;
  limits.setup_timeout_ms = times.setup_timeout_ms;
  limits.ping_interval_ms = times.ping_interval_ms;
  limits.pong_timeout_ms = times.pong_timeout_ms;
  limits.open_retry_max_ms = 4'000;
  return limits;
}

}  // namespace

class GatewayDriver::Machines {
 public:
  Machines(GatewayHost& host, std::string gateway_id, const GatewayTimes& times, bool has_backend)
      : host_(host),
        limits_(session_limits(times)),
        attachment_(std::move(gateway_id), "simulated", attachment_limits(times), has_backend) {}

  struct Connection {
    Connection(SessionRequest request, const SessionLimits& limits)
        : key(request.key), subject(request.subject), session(std::move(request), limits) {}
    std::string key;
    std::string subject;
    Session session;
    std::array<std::uint64_t, kTimers> timers{};  // 0: not set
    bool holds = false;    // it serves a generation
    bool on_hold = false;  // as the session was told
  };

  // ---- the sessions' shell ----

  void connect(ConnectionId id, const ConnectRequest& request) {
    SessionRequest session{.key = request.key,
                           .subject = request.subject,
                           .session = request.key.substr(request.key.find(':') + 1),
                           .claim_id = request.claim_id,
                           .attempt = request.attempt,
                           .position = request.position,
                           .show_states = request.show_states,
                           .has_backend = request.has_backend,
                           .policy = request.policy};
    connections_.try_emplace(id, std::move(session), limits_);
    if (attachment_.reachable()) {
      feed(id, Started{});
    } else {
      feed(id, CoordinatorAway{1'000});
    }
    step();
  }

  void input(ConnectionId id, SessionInput what) {
    feed(id, std::move(what));
    step();
  }

  // What actions give rise to waits until all of them are carried out.
  void feed(ConnectionId id, SessionInput what) {
    later_.emplace_back(id, std::move(what));
    if (std::exchange(feeding_, true)) return;
    for (std::size_t at = 0; at < later_.size(); ++at) {
      auto [to, input] = std::move(later_[at]);
      look_at_hold(to);
      if (!connections_.contains(to)) {
        give_back(input);
        continue;
      }
      carry_out_all(to, std::move(input));
      look_at_hold(to);
    }
    later_.clear();
    feeding_ = false;
  }

  void carry_out_all(ConnectionId id, SessionInput input) {
    const auto found = connections_.find(id);
    for (SessionAction& action : found->second.session.step(std::move(input), host_.random())) {
      std::visit([this, id](auto& one) { carry_out(id, one); }, action);
    }
  }

  // Before every input: what waits in a process that stood still comes before any timer.
  void look_at_hold(ConnectionId id) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    const bool hold = host_.boot_ms() >= attachment_.act_until_ms();
    if (std::exchange(found->second.on_hold, hold) == hold) return;
    carry_out_all(id, hold ? SessionInput(HoldBegan{}) : SessionInput(HoldEnded{}));
  }

  void give_back(const SessionInput& input) {
    const auto* delivered = std::get_if<Delivered>(&input);
    if (delivered != nullptr) attachment_.return_credit(delivered->delivery.payload_bytes());
  }

  void carry_out(ConnectionId id, SendClaim& action) {
    action.request.set_gateway_id(attachment_.gateway_id());
    host_.claims(action.request);
    attachment_.claim(id, std::move(action.request));
  }
  void carry_out(ConnectionId id, SendAbandon& action) {
    host_.abandons(action.request.claim_id());
    attachment_.abandon(id);
  }
  void carry_out(ConnectionId id, AcceptUpgrade&) {
    connections_.at(id).holds = true;
    host_.accept(id);
  }
  void carry_out(ConnectionId id, RefuseUpgrade& action) {
    host_.refuse(id, static_cast<std::uint16_t>(action.code), action.after_ms,
                 action.current_generation);
  }
  void carry_out(ConnectionId id, SendOperation& action) {
    if (Ends(action.operation)) connections_.at(id).holds = false;
    attachment_.operate(id, action.generation, std::move(action.operation));
  }
  void carry_out(ConnectionId id, OpenBackend& action) {
    const Connection& connection = connections_.at(id);
    v1::OpenRequest request;
    request.set_key(connection.key);
    request.set_subject(connection.subject);
    request.set_generation(action.generation);
    request.set_resumed(action.resumed);
    host_.open_backend(id, request);
  }
  void carry_out(ConnectionId id, SendToBackend& action) {
    const Connection& connection = connections_.at(id);
    v1::ReceiveRequest request;
    request.set_key(connection.key);
    request.set_subject(connection.subject);
    request.set_generation(action.generation);
    request.set_message_id(action.id);
    request.set_data(std::move(action.data));
    host_.to_backend(id, request);
  }
  void carry_out(ConnectionId id, SendFrame& action) {
    host_.frame(id, connections_.at(id).session.generation(), action.text);
  }
  void carry_out(ConnectionId id, SendPing&) { host_.ping(id); }
  void carry_out(ConnectionId id, SessionAcknowledge& action) {
    attachment_.acknowledge(id, action.generation, action.sequence);
  }
  void carry_out(ConnectionId id, EventsSent& action) {
    attachment_.events_sent(id, action.generation, action.sequence);
  }
  void carry_out(ConnectionId, TransientsDropped&) {}
  void carry_out(ConnectionId, ReturnCredit& action) { attachment_.return_credit(action.bytes); }
  void carry_out(ConnectionId id, CloseSocket& action) {
    Connection& connection = connections_.at(id);
    connection.holds = false;
    host_.close(id, static_cast<std::uint16_t>(action.code), connection.session.generation());
  }
  void carry_out(ConnectionId id, SetTimer& action) {
    set_timer(id, action.timer, host_.boot_ms() + action.after_ms);
  }
  void carry_out(ConnectionId id, CancelTimer& action) { set_timer(id, action.timer, 0); }
  void carry_out(ConnectionId id, Finish&) {
    for (std::size_t slot = 0; slot < kTimers; ++slot) {
      set_timer(id, static_cast<SessionTimer>(slot), 0);
    }
    attachment_.forget(id);
    connections_.erase(id);
    host_.finished(id);
  }

  static bool Ends(const v1::Operation& operation) {
    return operation.has_detach() || operation.has_close() || operation.has_fail();
  }

  void set_timer(ConnectionId id, SessionTimer timer, std::uint64_t at_ms) {
    const auto slot = static_cast<std::size_t>(timer);
    std::uint64_t& stands = connections_.at(id).timers[slot];
    if (stands != 0) timers_.erase({stands, id, slot});
    stands = at_ms;
    if (at_ms != 0) timers_.emplace(at_ms, id, slot);
  }

  void fire_timers() {
    while (!timers_.empty() && std::get<0>(*timers_.begin()) <= host_.boot_ms()) {
      const auto [at_ms, id, slot] = *timers_.begin();
      set_timer(id, static_cast<SessionTimer>(slot), 0);
      feed(id, TimerFired{static_cast<SessionTimer>(slot)});
    }
  }

  // ---- the attachment's shell ----

  void step() {
    const std::uint64_t now_ms = host_.boot_ms();
    do {
      attachment_.advance_time(now_ms);
      if (attachment_.identity_over()) attachment_.take_identity(host_.fresh_id());
      if (const auto why = attachment_.take_cut(); why && stream_ != 0) {
        host_.end_stream(stream_, *why == "drain");
        if (*why != "drain") end(now_ms);
      }
      open_if_due(now_ms);
      write_if_any(now_ms);
    } while (bring_notices());
    for (const v1::ClosedToDeliver& closed : attachment_.take_closed()) host_.tell_closed(closed);
    std::optional<std::uint64_t> wake = attachment_.wake_at_ms();
    const auto include = [&wake](std::uint64_t at_ms) {
      wake = wake ? std::min(*wake, at_ms) : at_ms;
    };
    if (const auto open_at = attachment_.open_at_ms()) include(*open_at);
    if (!timers_.empty()) include(std::get<0>(*timers_.begin()));
    if (wake) host_.wake_at(std::max(*wake, now_ms));
  }

  void open_if_due(std::uint64_t now_ms) {
    const auto open_at_ms = attachment_.open_at_ms();
    if (stream_ != 0 || !open_at_ms || now_ms < *open_at_ms) return;
    stream_ = ++last_stream_;
    writing_ = false;
    host_.open_stream(stream_);
    attachment_.stream_opened(stream_, now_ms);
  }

  void write_if_any(std::uint64_t now_ms) {
    if (stream_ == 0 || writing_) return;
    const auto message = attachment_.next_message(now_ms);
    if (!message) return;
    writing_ = true;
    host_.write(stream_, *message);
  }

  bool bring_notices() {
    const std::vector<ConnectionNotice> notices = attachment_.take_notices();
    for (const ConnectionNotice& notice : notices) {
      if (std::holds_alternative<HoldNotice>(notice.what)) {
        look_at_hold(notice.connection);
      } else {
        std::visit([&](const auto& what) { feed(notice.connection, input_of(what)); }, notice.what);
      }
    }
    return !notices.empty();
  }

  template <class What>
  static SessionInput input_of(const What& what) {
    if constexpr (std::is_same_v<What, v1::ClaimAnswer>) {
      return ClaimAnswered{what};
    } else if constexpr (std::is_same_v<What, v1::OperateAnswer>) {
      return Operated{what};
    } else if constexpr (std::is_same_v<What, v1::Superseded>) {
      return SupersededNotice{what.by_generation()};
    } else if constexpr (std::is_same_v<What, v1::Released>) {
      return ReleasedNotice{what};
    } else if constexpr (std::is_same_v<What, v1::StateNotice>) {
      return SessionStateMoved{what};
    } else if constexpr (std::is_same_v<What, v1::Delivery>) {
      return Delivered{what};
    } else {
      static_assert(std::is_same_v<What, HoldNotice>);
      return HoldEnded{};  // not fed: see look_at_hold
    }
  }

  void end(std::uint64_t now_ms) {
    const std::uint64_t ended = std::exchange(stream_, 0);
    attachment_.stream_closed(ended, now_ms, host_.random());
  }

  GatewayHost& host_;
  SessionLimits limits_;
  GatewayAttachment attachment_;
  std::map<ConnectionId, Connection> connections_;
  std::set<std::tuple<std::uint64_t, ConnectionId, std::size_t>> timers_;
  std::vector<std::pair<ConnectionId, SessionInput>> later_;
  bool feeding_ = false;
  std::uint64_t stream_ = 0;  // 0: none stands
  std::uint64_t last_stream_ = 0;
  bool writing_ = false;
};

GatewayDriver::GatewayDriver(GatewayHost& host, std::string gateway_id, const GatewayTimes& times,
                             bool has_backend)
    : machines_(std::make_unique<Machines>(host, std::move(gateway_id), times, has_backend)) {
  machines_->step();
}
GatewayDriver::~GatewayDriver() = default;

void GatewayDriver::connect(ConnectionId id, const ConnectRequest& request) {
  machines_->connect(id, request);
}
void GatewayDriver::upgraded(ConnectionId id) { machines_->input(id, Upgraded{}); }
void GatewayDriver::frame(ConnectionId id, std::string text) {
  machines_->input(id, FrameReceived{false, std::move(text)});
}
void GatewayDriver::pong(ConnectionId id) { machines_->input(id, PongReceived{}); }
void GatewayDriver::socket_ended(ConnectionId id, std::uint16_t code) {
  machines_->input(id, SocketEnded{code});
}
void GatewayDriver::opened(ConnectionId id, BackendSays says) {
  machines_->input(id, BackendOpened{says == BackendSays::kOk        ? OpenResult::kOk
                                     : says == BackendSays::kRefused ? OpenResult::kRefused
                                                                     : OpenResult::kUnavailable});
}
void GatewayDriver::received(ConnectionId id, std::string message_id, BackendSays says) {
  if (says == BackendSays::kOk) {
    machines_->input(id, MessageTaken{std::move(message_id)});
  } else {
    machines_->input(id, MessageFailed{std::move(message_id),
                                       says == BackendSays::kRefused ? "ABORTED" : "UNAVAILABLE",
                                       "simulated", true});
  }
}

void GatewayDriver::closed_told(const std::string& key, std::uint64_t generation) {
  machines_->attachment_.closed_delivered(key, generation);
  machines_->step();
}

void GatewayDriver::received(std::uint64_t stream, const v1::AttachResponse& message) {
  machines_->attachment_.received(stream, message, machines_->host_.boot_ms());
  machines_->step();
}
void GatewayDriver::written(std::uint64_t stream) {
  if (stream == machines_->stream_) machines_->writing_ = false;
  machines_->step();
}
void GatewayDriver::stream_ended(std::uint64_t stream) {
  if (stream == machines_->stream_) machines_->end(machines_->host_.boot_ms());
  machines_->step();
}

void GatewayDriver::wake() {
  machines_->fire_timers();
  machines_->step();
}
void GatewayDriver::drain() {
  std::vector<ConnectionId> ids;
  for (const auto& [id, connection] : machines_->connections_) ids.push_back(id);
  for (const ConnectionId id : ids) machines_->feed(id, DrainRequested{100});
  machines_->step();
}

const std::string& GatewayDriver::gateway_id() const {
  return machines_->attachment_.gateway_id();
}
bool GatewayDriver::holds(const std::string& key, std::uint64_t generation) const {
  for (const auto& [id, connection] : machines_->connections_) {
    if (connection.holds && connection.key == key &&
        connection.session.generation() == generation) {
      return true;
    }
  }
  return false;
}
bool GatewayDriver::attached() const { return machines_->attachment_.attached(); }
bool GatewayDriver::quiet() const {
  return attached() && machines_->attachment_.unanswered_operations() == 0 &&
         machines_->attachment_.waiting_claims() == 0;
}
std::size_t GatewayDriver::sessions() const { return machines_->connections_.size(); }
std::uint64_t GatewayDriver::remembered() const { return machines_->attachment_.remembered(); }
std::string GatewayDriver::why_not_quiet() const {
  return std::string(attached() ? "attached" : "not attached") + ", " +
         std::to_string(machines_->attachment_.unanswered_operations()) + " operations and " +
         std::to_string(machines_->attachment_.waiting_claims()) + " claims unanswered";
}

}  // namespace interlock::sim
