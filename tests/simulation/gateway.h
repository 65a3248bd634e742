// A gateway as a process: the driver of its machines, its clocks, its sockets, and what must hold
// of whatever leaves it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "tests/simulation/gateway_driver.h"
#include "tests/simulation/pipe.h"
#include "tests/simulation/process.h"

namespace interlock::sim {

class Page;
struct World;

// Between a page and a gateway.
struct Socket {
  ConnectionId id = 0;
  Page* page = nullptr;
  std::size_t gateway = 0;
  std::uint64_t incarnation = 0;
  std::shared_ptr<Pipe> up;
  std::shared_ptr<Pipe> down;
  bool page_has_it = true;
  bool gateway_has_it = true;
  bool accepted = false;
};
using SocketPtr = std::shared_ptr<Socket>;

class Gateway final : public Process, private GatewayHost {
 public:
  Gateway(World& world, std::size_t number);

  void start();
  void crash();
  void drain();  // the crash follows
  void look();   // at the clock

  // ---- from pages; all through reach() ----
  void connect(const SocketPtr& socket, const ConnectRequest& request);
  void frame(const SocketPtr& socket, const std::string& text);
  void socket_ended(const SocketPtr& socket, std::uint16_t code);
  void pong(const SocketPtr& socket);
  // ---- from the network ----
  void received(std::uint64_t stream, const v1::AttachResponse& message);
  void stream_ended(std::uint64_t stream);

  bool holds(const std::string& key, std::uint64_t generation) const {
    return driver_ && driver_->holds(key, generation);
  }
  const GatewayDriver* driver() const { return driver_.get(); }
  std::size_t number() const { return number_; }

 private:
  std::uint64_t boot_ms() override;
  double random() override;
  std::string fresh_id() override;
  void wake_at(std::uint64_t boot_ms) override;
  void open_stream(std::uint64_t stream) override;
  void write(std::uint64_t stream, const v1::AttachRequest& message) override;
  void end_stream(std::uint64_t stream, bool orderly) override;
  void claims(const v1::ClaimRequest& request) override;
  void abandons(const std::string& claim_id) override;
  void accept(ConnectionId id) override;
  void refuse(ConnectionId id, std::uint16_t code, std::uint64_t after_ms,
              std::uint64_t current_generation) override;
  void frame(ConnectionId id, std::uint64_t generation, const std::string& text) override;
  void ping(ConnectionId id) override;
  void close(ConnectionId id, std::uint16_t code, std::uint64_t generation) override;
  void finished(ConnectionId id) override;
  void open_backend(ConnectionId id, const v1::OpenRequest& request) override;
  void to_backend(ConnectionId id, const v1::ReceiveRequest& request) override;
  void tell_closed(const v1::ClosedToDeliver& closed) override;

  SocketPtr socket(ConnectionId id) const;
  std::uint64_t outside(std::uint64_t stream) const { return (incarnation() << 24) + stream; }
  void check_write(const v1::AttachRequest& message);
  void check_may_act(const char* what);

  World& world_;
  const std::size_t number_;
  std::unique_ptr<GatewayDriver> driver_;
  std::map<ConnectionId, SocketPtr> sockets_;
  Us wake_at_ = 0;
  std::set<std::string> abandoned_;  // claim ids
  std::map<std::uint64_t, std::uint64_t> heartbeats_;  // number -> boot ms at which it was sent
  std::uint64_t confirmed_ms_ = 0;   // when the last confirmed one was sent; 0: never
};

}  // namespace interlock::sim
