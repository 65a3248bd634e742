#include "tests/simulation/gateway.h"

#include "tests/simulation/page.h"
#include "tests/simulation/repeater.h"
#include "tests/simulation/world.h"

namespace interlock::sim {
namespace {

constexpr std::uint16_t kSuperseded = 4500;
constexpr std::uint16_t kLost = 1006;

GatewayTimes times_of(const Swarm& swarm) {
  GatewayTimes times;
  if (swarm.real_times) return times;
  times.heartbeat_ms = swarm.heartbeat_ms;
  times.hold_after_ms = swarm.hold_after_ms;
  times.give_up_after_ms = swarm.give_up_after_ms;
  times.setup_timeout_ms = 6'000;
  times.ping_interval_ms = 3'000;
  times.pong_timeout_ms = 1'500;
  return times;
}

}  // namespace

Gateway::Gateway(World& world, std::size_t number)
    : Process(world.run), world_(world), number_(number) {}

void Gateway::start() {
  born();
  const std::string id = run_.dice.hex(32);
  run_.line("gateway {} starts as {}, clock at {}/1000", number_, id.substr(0, 4),
            clock().rate_per_mille());
  driver_ = std::make_unique<GatewayDriver>(static_cast<GatewayHost&>(*this), id,
                                            times_of(run_.swarm), run_.swarm.has_backend);
}

void Gateway::crash() {
  if (!alive()) return;
  run_.line("gateway {} crashes", number_);
  died();
  driver_.reset();
  world_.network.gateway_gone(number_);
  for (const auto& [id, socket] : std::exchange(sockets_, {})) {
    socket->gateway_has_it = false;
    if (run_.happens(Fault::kSocketLostUnnoticed)) continue;  // the page finds out by itself
    socket->down->send(world_.network.latency(), [socket] {
      if (socket->page_has_it) socket->page->closed(socket, kLost);
    });
  }
  wake_at_ = 0;
  abandoned_.clear();
  heartbeats_.clear();
  confirmed_ms_ = 0;
}

void Gateway::drain() {
  run_.line("gateway {} drains", number_);
  if (driver_) driver_->drain();
}

void Gateway::look() {
  wake_at_ = 0;
  if (alive()) reach(incarnation(), [this] { driver_->wake(); });
}

// ---- pages ----

SocketPtr Gateway::socket(ConnectionId id) const {
  const auto found = sockets_.find(id);
  return found == sockets_.end() ? nullptr : found->second;
}

void Gateway::connect(const SocketPtr& socket, const ConnectRequest& request) {
  sockets_[socket->id] = socket;
  driver_->connect(socket->id, request);
}
void Gateway::frame(const SocketPtr& socket, const std::string& text) {
  if (socket->gateway_has_it) driver_->frame(socket->id, text);
}
void Gateway::socket_ended(const SocketPtr& socket, std::uint16_t code) {
  if (socket->gateway_has_it) driver_->socket_ended(socket->id, code);
}
void Gateway::pong(const SocketPtr& socket) {
  if (socket->gateway_has_it) driver_->pong(socket->id);
}

void Gateway::accept(ConnectionId id) {
  const SocketPtr to = socket(id);
  to->accepted = true;
  run_.time.after(run_.dice.below(500), [this, to, now = incarnation()] {
    reach(now, [this, to] {
      if (to->gateway_has_it) driver_->upgraded(to->id);
    });
  });
}

void Gateway::refuse(ConnectionId id, std::uint16_t code, std::uint64_t after_ms,
                     std::uint64_t current_generation) {
  const SocketPtr to = socket(id);
  if (to == nullptr) return;
  run_.line("gateway {} refuses socket {} with {}", number_, id, code);
  to->down->send(world_.network.latency(), [to, code, after_ms, current_generation] {
    if (to->page_has_it) to->page->refused(to, code, after_ms, current_generation);
  });
}

void Gateway::frame(ConnectionId id, std::uint64_t generation, const std::string& text) {
  const SocketPtr to = socket(id);
  if (to == nullptr) return;
  if (text.starts_with("{\"type\":\"event\"")) {
    if (!world_.truth.operational(to->page->key(), generation)) {
      run_.wrong("{}: an event is sent before {} is operational", to->page->key(), generation);
    }
  }
  if (text.starts_with("{\"type\":\"event\"") || text.starts_with("{\"type\":\"ack\"") ||
      text.starts_with("{\"type\":\"expired\"")) {
    check_may_act("data");
  }
  to->down->send(world_.network.latency(), [to, text] {
    if (to->page_has_it) to->page->frame(to, text);
  });
}

void Gateway::ping(ConnectionId id) {
  const SocketPtr to = socket(id);
  if (to == nullptr) return;
  to->down->send(world_.network.latency(), [to] {
    if (to->page_has_it) to->page->ping(to);
  });
}

void Gateway::close(ConnectionId id, std::uint16_t code, std::uint64_t generation) {
  const SocketPtr to = socket(id);
  if (to == nullptr) return;
  const std::string& key = to->page->key();
  run_.line("gateway {} closes socket {} of {} {} with {}", number_, id, key, generation, code);
  ++run_.counts["closed with " + std::to_string(code)];
  if (code == kSuperseded) {
    // It may have been forgotten since.
    const auto higher = [&](const Record& record) { return record.generation > generation; };
    if (!world_.truth.stood_since(key, 0, higher)) {
      run_.wrong("{}: 4500 is said to {} without a higher generation", key, generation);
    }
  }
  to->down->send(world_.network.latency(), [to, code] {
    if (to->page_has_it) to->page->closed(to, code);
  });
}

void Gateway::finished(ConnectionId id) {
  const SocketPtr to = socket(id);
  if (to == nullptr) return;
  to->gateway_has_it = false;
  sockets_.erase(id);
  to->down->send(world_.network.latency(), [to] {
    if (to->page_has_it) to->page->closed(to, kLost);
  });
}

// ---- the backend ----

void Gateway::open_backend(ConnectionId id, const v1::OpenRequest& request) {
  check_may_act("an Open");
  world_.backend.open(request, [this, id, now = incarnation()](BackendSays says) {
    reach(now, [this, id, says] { driver_->opened(id, says); });
  });
}

void Gateway::to_backend(ConnectionId id, const v1::ReceiveRequest& request) {
  check_may_act("a message to the backend");
  world_.backend.receive(request, [this, id, message = request.message_id(),
                                   now = incarnation()](BackendSays says) {
    reach(now, [this, id, message, says] { driver_->received(id, message, says); });
  });
}

void Gateway::tell_closed(const v1::ClosedToDeliver& closed) {
  world_.backend.closed(closed, [this, closed, now = incarnation()](BackendSays says) {
    if (says == BackendSays::kUnavailable) return;
    reach(now, [this, closed] { driver_->closed_told(closed.key(), closed.generation()); });
  });
}

// ---- the coordinator ----

void Gateway::open_stream(std::uint64_t stream) {
  heartbeats_.clear();
  world_.network.open(number_, incarnation(), outside(stream));
}

void Gateway::write(std::uint64_t stream, const v1::AttachRequest& message) {
  check_write(message);
  world_.network.up(number_, outside(stream), message);
  world_.repeater->keep(message);
  run_.time.after(run_.dice.below(300), [this, stream, now = incarnation()] {
    reach(now, [this, stream] { driver_->written(stream); });
  });
}

void Gateway::end_stream(std::uint64_t stream, bool orderly) {
  run_.line("gateway {} gives up stream {}{}", number_, stream, orderly ? " in good order" : "");
  world_.network.end_by_gateway(number_, outside(stream), orderly);
}

void Gateway::received(std::uint64_t stream, const v1::AttachResponse& message) {
  const auto sent = heartbeats_.find(message.heartbeat_confirmed());
  if (sent != heartbeats_.end()) {
    confirmed_ms_ = std::max(confirmed_ms_, sent->second);
    heartbeats_.erase(heartbeats_.begin(), std::next(sent));
  }
  for (const v1::ClaimAnswer& answer : message.claims()) {
    if (answer.has_refusal()) world_.said.refuse(answer.claim_id());
  }
  driver_->received(stream - outside(0), message);
}
void Gateway::stream_ended(std::uint64_t stream) { driver_->stream_ended(stream - outside(0)); }

void Gateway::claims(const v1::ClaimRequest& request) {
  run_.line("gateway {} claims {} attempt ({}, {}){}", number_, request.key(),
            request.attempt().generation(), request.attempt().tries(),
            request.policy() == v1::REJECT ? " or not at all" : "");
  world_.said.claim(request);
}
void Gateway::abandons(const std::string& claim_id) {
  abandoned_.insert(claim_id);
  world_.said.abandon(claim_id);
}

void Gateway::check_write(const v1::AttachRequest& message) {
  for (const v1::OperateRequest& request : message.operations()) world_.said.operate(request);
  for (const v1::ClaimRequest& request : message.claims()) {
    if (abandoned_.contains(request.claim_id())) {
      run_.wrong("{}: gateway {} repeats a claim that was abandoned", request.key(), number_);
    }
  }
  for (const v1::AbandonRequest& request : message.abandons()) {
    world_.said.abandon(request.claim_id());
  }
  if (message.has_heartbeat()) heartbeats_[message.heartbeat().number()] = boot_ms();
}

// Counted from the sending of the last heartbeat that was confirmed, on this gateway's own clock.
void Gateway::check_may_act(const char* what) {
  const std::uint64_t now_ms = boot_ms();
  if (confirmed_ms_ != 0 && now_ms <= confirmed_ms_ + run_.swarm.hold_after_ms) return;
  run_.wrong("gateway {} sends {} {} ms after its last confirmed heartbeat", number_, what,
             now_ms - confirmed_ms_);
}

// ---- time, chance and names ----

std::uint64_t Gateway::boot_ms() { return clock().boot_ms(run_.time.now()); }
double Gateway::random() { return run_.dice.unit(); }

// The one before is used up, and with it all that was confirmed for it.
std::string Gateway::fresh_id() {
  heartbeats_.clear();
  confirmed_ms_ = 0;
  run_.count("gateway id used up");
  const std::string id = run_.dice.hex(32);
  run_.line("gateway {} goes on as {}", number_, id.substr(0, 4));
  return id;
}

void Gateway::wake_at(std::uint64_t boot_ms) {
  const Us at = std::max(clock().moment_of(boot_ms), run_.time.now() + 1);
  if (wake_at_ > run_.time.now() && wake_at_ <= at) return;
  wake_at_ = at;
  run_.time.at(at, [this, at, now = incarnation()] {
    if (now == incarnation() && wake_at_ == at) look();
  });
}

}  // namespace interlock::sim
