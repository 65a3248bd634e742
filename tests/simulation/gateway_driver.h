// One gateway: the real attachment and the real sessions, whose actions are carried out here in
// order. It takes no decision; what `attachment_shell` and `session_shell` do with threads and
// sockets, it does with the world it is given.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "interlock/v1/backend.pb.h"
#include "interlock/v1/gateway.pb.h"

namespace interlock::sim {

using ConnectionId = std::uint64_t;  // one socket of one client; never 0

struct GatewayTimes {
  std::uint64_t heartbeat_ms = 5'000;
  std::uint64_t hold_after_ms = 10'000;
  std::uint64_t give_up_after_ms = 20'000;
  std::uint64_t claim_timeout_ms = 1'500;
  std::uint64_t setup_timeout_ms = 25'000;
  std::uint64_t ping_interval_ms = 25'000;
  std::uint64_t pong_timeout_ms = 10'000;
};

struct ConnectRequest {
  std::string key;
  std::string subject;
  std::string claim_id;
  std::optional<v1::Attempt> attempt;
  std::optional<v1::ClientPosition> position;
  bool has_backend = false;
  bool show_states = false;
  v1::Policy policy = v1::TAKE_OVER;
};

enum class BackendSays : std::uint8_t { kOk, kUnavailable, kRefused };

// What a gateway does to the world around it.
class GatewayHost {
 public:
  virtual ~GatewayHost() = default;
  virtual std::uint64_t boot_ms() = 0;
  virtual double random() = 0;
  virtual std::string fresh_id() = 0;  // of a gateway
  virtual void wake_at(std::uint64_t boot_ms) = 0;
  virtual void open_stream(std::uint64_t stream) = 0;
  virtual void write(std::uint64_t stream, const v1::AttachRequest& message) = 0;
  virtual void end_stream(std::uint64_t stream, bool orderly) = 0;
  virtual void claims(const v1::ClaimRequest& request) = 0;  // before it goes anywhere
  virtual void abandons(const std::string& claim_id) = 0;
  virtual void accept(ConnectionId id) = 0;  // upgraded() or socket_ended() follows
  virtual void refuse(ConnectionId id, std::uint16_t code, std::uint64_t after_ms,
                      std::uint64_t current_generation) = 0;
  virtual void frame(ConnectionId id, std::uint64_t generation, const std::string& text) = 0;
  virtual void ping(ConnectionId id) = 0;
  virtual void close(ConnectionId id, std::uint16_t code, std::uint64_t generation) = 0;
  virtual void finished(ConnectionId id) = 0;
  virtual void open_backend(ConnectionId id, const v1::OpenRequest& request) = 0;
  virtual void to_backend(ConnectionId id, const v1::ReceiveRequest& request) = 0;
  virtual void tell_closed(const v1::ClosedToDeliver& closed) = 0;  // closed_told() follows
};

class GatewayDriver {
 public:
  GatewayDriver(GatewayHost& host, std::string gateway_id, const GatewayTimes& times,
                bool has_backend);
  ~GatewayDriver();

  // ---- from clients ----
  void connect(ConnectionId id, const ConnectRequest& request);
  void upgraded(ConnectionId id);
  void frame(ConnectionId id, std::string text);
  void pong(ConnectionId id);
  void socket_ended(ConnectionId id, std::uint16_t code);
  // ---- from the backend ----
  void opened(ConnectionId id, BackendSays says);
  void received(ConnectionId id, std::string message_id, BackendSays says);
  void closed_told(const std::string& key, std::uint64_t generation);
  // ---- from the network ----
  void received(std::uint64_t stream, const v1::AttachResponse& message);
  void written(std::uint64_t stream);
  void stream_ended(std::uint64_t stream);
  // ---- from itself ----
  void wake();
  void drain();  // every client is told to go elsewhere

  const std::string& gateway_id() const;
  bool holds(const std::string& key, std::uint64_t generation) const;  // a session of it does
  bool attached() const;
  bool quiet() const;  // nothing is unanswered
  std::size_t sessions() const;
  std::uint64_t remembered() const;
  std::string why_not_quiet() const;

 private:
  class Machines;
  std::unique_ptr<Machines> machines_;
};

}  // namespace interlock::sim
