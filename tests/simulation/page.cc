#include "tests/simulation/page.h"

#include <charconv>

#include "tests/simulation/world.h"

namespace interlock::sim {
namespace {

// Frames are made by the program and their payloads here: a look is as good as a parser.
std::uint64_t number_in(const std::string& text, std::string_view member) {
  const std::string name = "\"" + std::string(member) + "\":";
  const auto at = text.find(name);
  std::uint64_t value = 0;
  if (at == std::string::npos) return 0;
  std::from_chars(text.data() + at + name.size(), text.data() + text.size(), value);
  return value;
}
bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

constexpr Us kHelloWithin = 3'000'000;

}  // namespace

Page::Page(World& world, std::string key, std::string name)
    : world_(world), key_(std::move(key)), name_(std::move(name)) {
  asks_with_attempt_ = world_.run.dice.chance(world_.run.swarm.with_attempt);
}

void Page::begin() {
  wants_ = true;
  if (!socket_) connect();
}

// ---- connecting ----

void Page::connect() {
  Run& run = world_.run;
  ++connects_;
  hello_ = ready_ = false;
  socket_generation_ = 0;
  socket_ = std::make_shared<Socket>();
  socket_->id = run.dice.next() | 1;
  socket_->page = this;
  socket_->gateway = world_.some_gateway();
  Gateway& gateway = *world_.gateways[socket_->gateway];
  socket_->incarnation = gateway.incarnation();
  socket_->up = std::make_shared<Pipe>(run);
  socket_->down = std::make_shared<Pipe>(run);
  ConnectRequest request{.key = key_,
                         .subject = "alice",
                         .claim_id = run.dice.hex(16),
                         .attempt = {},
                         .position = {},
                         .has_backend = run.swarm.has_backend};
  if (asks_with_attempt_) {
    request.attempt.emplace();
    request.attempt->set_generation(generation_);
    request.attempt->set_tries(++tries_);
  }
  if (last_) {
    request.position.emplace();
    request.position->set_last_seq(*last_);
    request.position->set_generation(last_generation_);
  }
  if (run.happens(Fault::kDuplicateRejected)) request.policy = v1::REJECT;
  run.line("page {} of {} connects to gateway {} (socket {}, gen {}, last {})", name_, key_,
           socket_->gateway, socket_->id, generation_, last_.value_or(0));
  socket_->up->send(world_.network.latency(), [&gateway, socket = socket_, request] {
    gateway.reach(socket->incarnation, [&gateway, socket, request] {
      gateway.connect(socket, request);
    });
  });
  const bool early = run.happens(Fault::kMessageEarly);
  if (early) send_message();
  run.time.after(kHelloWithin, [this, connects = connects_] {
    if (connects != connects_ || !socket_ || hello_) return;
    abandon_socket(1006, true);
    connect_after(100'000);
  });
}

void Page::connect_after(Us delay) {
  if (!wants_) return;
  world_.run.time.after(delay + world_.run.dice.below(200'000), [this, connects = connects_] {
    if (wants_ && connects == connects_ && !socket_) connect();
  });
}

void Page::abandon_socket(std::uint16_t code, bool noticed) {
  if (!socket_) return;
  const SocketPtr socket = std::exchange(socket_, nullptr);
  hello_ = ready_ = false;
  ++connects_;
  socket->page_has_it = false;
  if (noticed) tell_end(socket, code);
}

void Page::end_old_sockets() {
  for (const SocketPtr& old : std::exchange(old_sockets_, {})) {
    if (std::exchange(old->page_has_it, false)) tell_end(old, 1006);
  }
}

void Page::tell_end(const SocketPtr& socket, std::uint16_t code) {
  Gateway& gateway = *world_.gateways[socket->gateway];
  socket->up->send(world_.network.latency(), [&gateway, socket, code] {
    gateway.reach(socket->incarnation, [&gateway, socket, code] {
      gateway.socket_ended(socket, code);
    });
  });
}

void Page::say(const SocketPtr& socket, std::string text) {
  Gateway& gateway = *world_.gateways[socket->gateway];
  socket->up->send(world_.network.latency(), [&gateway, socket, text = std::move(text)] {
    gateway.reach(socket->incarnation, [&gateway, socket, text] {
      gateway.frame(socket, text);
    });
  });
}

// ---- what its user does ----

void Page::act() {
  Run& run = world_.run;
  if (!wants_) {
    if (!run.calm && run.dice.chance(0.3)) begin();
    return;
  }
  if (!socket_) return;
  // That nothing comes from a gateway that is gone is noticed in the end.
  if (socket_->incarnation != world_.gateways[socket_->gateway]->incarnation() &&
      (run.calm || run.dice.chance(0.3))) {
    return closed(socket_, 1006);
  }
  if (ready_ && run.dice.chance(0.6)) send_message();
  if (ready_ && run.dice.chance(0.1)) say(socket_, R"({"type":"ping"})");
  if (run.dice.chance(0.7)) acknowledge();
}

void Page::drop(bool noticed) {
  world_.run.line("page {} of {} loses its socket{}", name_, key_, noticed ? "" : ", unnoticed");
  abandon_socket(1006, noticed);
  connect_after(world_.run.dice.spread(10'000, 3'000'000));
}

void Page::reload(bool keeps_state) {
  world_.run.line("page {} of {} is reloaded{}", name_, key_, keeps_state ? "" : " and forgets");
  abandon_socket(1001, true);
  end_old_sockets();
  if (!keeps_state) {
    generation_ = tries_ = 0;
    last_.reset();
    since_ = 0;
  }
  connect_after(world_.run.dice.spread(10'000, 1'000'000));
}

void Page::leave() {
  world_.run.line("page {} of {} is done", name_, key_);
  abandon_socket(1000, true);
  end_old_sockets();
  wants_ = false;
}

void Page::use_old_attempt() {
  if (!asks_with_attempt_) return;
  world_.run.line("page {} of {} asks with an old attempt", name_, key_);
  abandon_socket(1006, true);
  std::swap(old_attempt_.first, generation_);
  std::swap(old_attempt_.second, tries_);
  if (wants_) connect();
}

void Page::reconnect() {
  if (!wants_) return;
  // The old socket stands, unheard, until somebody ends it.
  const SocketPtr old = std::exchange(socket_, nullptr);
  if (old && world_.run.dice.chance(0.5)) {
    old->page_has_it = false;
  } else if (old) {
    old_sockets_.push_back(old);
  }
  connect();
}

void Page::copy_from(const Page& other) {
  abandon_socket(1006, true);
  end_old_sockets();
  generation_ = other.generation_;
  tries_ = other.tries_;
  since_ = other.since_;
  last_ = other.last_;
  last_generation_ = other.last_generation_;
  asks_with_attempt_ = other.asks_with_attempt_;
  begin();
}

void Page::settle() {
  end_old_sockets();
  if (!wants_) return;
  if (socket_ && socket_->incarnation != world_.gateways[socket_->gateway]->incarnation()) {
    abandon_socket(1006, false);
  }
  if (!socket_) connect();
  acknowledge();
}

void Page::send_message() {
  world_.run.count("message sent");
  say(socket_, fmt::format(R"({{"type":"message","id":"{}-{}","data":{{"n":{}}}}})", name_,
                           messages_ + 1, messages_ + 1));
  ++messages_;
}

void Page::acknowledge() {
  if (!hello_ || !last_ || *last_ <= acknowledged_) return;
  acknowledged_ = *last_;
  say(socket_, fmt::format(R"({{"type":"ack","seq":{}}})", acknowledged_));
}

// ---- what its sockets say ----

void Page::refused(const SocketPtr& socket, std::uint16_t code, std::uint64_t after_ms,
                   std::uint64_t current_generation) {
  socket->page_has_it = false;
  if (socket != socket_) return;
  world_.run.line("page {} of {} is refused with {}", name_, key_, code);
  ++world_.run.counts["refused with " + std::to_string(code)];
  socket_ = nullptr;
  ++connects_;
  if (code == 4007 && current_generation != 0) {
    // The newest socket may go on with it. What was seen was seen under another one.
    generation_ = current_generation;
    tries_ = 0;
  }
  if (code >= 4500) wants_ = false;
  connect_after(std::min<Us>(after_ms * 1'000, 2'000'000) + 20'000);
}

void Page::closed(const SocketPtr& socket, std::uint16_t code) {
  socket->page_has_it = false;
  Gateway& gateway = *world_.gateways[socket->gateway];
  if (code != 1006) {  // the other half of the closing handshake
    socket->up->send(world_.network.latency(), [&gateway, socket] {
      gateway.reach(socket->incarnation, [&gateway, socket] {
        gateway.socket_ended(socket, 1006);
      });
    });
  }
  if (socket != socket_) return;
  world_.run.line("page {} of {} is closed with {}", name_, key_, code);
  socket_ = nullptr;
  hello_ = ready_ = false;
  ++connects_;
  if (code >= 4500) {
    wants_ = false;
    end_old_sockets();
  }
  connect_after(20'000);
}

void Page::ping(const SocketPtr& socket) {
  Gateway& gateway = *world_.gateways[socket->gateway];
  socket->up->send(world_.network.latency(), [&gateway, socket] {
    gateway.reach(socket->incarnation, [&gateway, socket] { gateway.pong(socket); });
  });
}

void Page::frame(const SocketPtr& socket, const std::string& text) {
  if (socket != socket_) return;
  if (text.starts_with(R"({"type":"hello")")) return take_hello(text);
  if (text.starts_with(R"({"type":"event")") || text.starts_with(R"({"type":"expired")")) {
    return take_event(text);
  }
  if (text.starts_with(R"({"type":"ready")")) {
    if (!hello_) world_.run.wrong("page {} of {} is ready before its hello", name_, key_);
    ready_ = true;
    const Truth::Granted* granted = world_.truth.generation(key_, socket_generation_);
    if (granted != nullptr && last_.value_or(0) < granted->barrier) {
      world_.run.wrong("{}: ready comes behind event {}, before {}", key_, last_.value_or(0),
                       granted->barrier);
    }
    world_.run.count("ready");
    if (world_.run.calm) acknowledge();
  } else if (text.starts_with(R"({"type":"ack")")) {
    world_.run.count("message acknowledged");
  } else if (text.starts_with(R"({"type":"lost")")) {
    world_.run.count("lost, openly");
  }
}

void Page::take_hello(const std::string& text) {
  Run& run = world_.run;
  if (run.happens(Fault::kHelloLost)) {  // with all that was behind it
    abandon_socket(1006, true);
    return connect_after(50'000);
  }
  hello_ = true;
  const std::uint64_t generation = number_in(text, "generation");
  const std::uint64_t next = number_in(text, "next_seq");
  const bool resumed = has(text, "\"resumed\":true");
  const Truth::Granted* granted = world_.truth.generation(key_, generation);
  if (granted == nullptr) {
    return run.wrong("{}: hello tells of {}, which was never granted", key_, generation);
  }
  if (resumed && !last_) run.wrong("{}: what was never begun is resumed", key_);
  if (resumed && granted->since != since_) {
    run.wrong("{}: hello says that the sequence of {} goes on in {}", key_, since_,
              granted->since);
  }
  if (resumed && last_ && next > *last_ + 1) {
    run.wrong("{}: hello goes on with {} behind {}", key_, next, *last_);
  }
  if (!resumed) last_ = next - 1;  // nothing goes on: it begins anew
  acknowledged_ = 0;               // on this socket
  run.count(resumed ? "hello, resumed" : "hello");
  old_attempt_ = {generation_, tries_};
  generation_ = socket_generation_ = generation;
  since_ = granted->since;
  tries_ = 0;
  last_generation_ = generation;
}

void Page::take_event(const std::string& text) {
  Run& run = world_.run;
  const std::uint64_t sequence = number_in(text, "seq");
  if (!hello_) return run.wrong("{}: an event comes before the hello", key_);
  if (sequence <= *last_) return;
  if (sequence != *last_ + 1) {
    return run.wrong("{}: event {} comes behind {}", key_, sequence, *last_);
  }
  last_ = sequence;
  run.count("event seen");
  if (run.calm) acknowledge();
  world_.said.seen(key_, since_, sequence);
  const OutboxEvent* event = world_.truth.event(key_, since_, sequence);
  const bool expired = text.starts_with(R"({"type":"expired")");
  if (expired && event != nullptr) {
    run.count("event expired");
    if (event->ttl_ms == 0) run.wrong("{}: event {} expires, which may not", key_, sequence);
  }
  const bool same =
      event != nullptr && (expired || has(text, "\"id\":\"" + event->id + "\""));
  // What is read just after the sequence has ended may be of the next one already.
  const RecordPtr record = world_.truth.present(key_);
  const bool over = !record || record->sequence_since > since_;
  if (!same && !over) run.wrong("{}: event {} is not what was published", key_, sequence);
}

}  // namespace interlock::sim
