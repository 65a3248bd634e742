// What events cost and how long they take, from whoever sends them to a client's socket.
//
//   bench_events backend PORT                          answers messages, until its input ends
//   bench_events durable GATEWAY COORDINATOR COUNT BYTES   one published event after the other
//   bench_events transient GATEWAY COUNT               one message after the other, and its answer
//   bench_events deltas GATEWAY CLIENTS SECONDS        50 transient events a second to each
//   bench_events fanout GATEWAY COORDINATOR CLIENTS COUNT BYTES   as fast as they are accepted
//   bench_events open GATEWAY PREFIX CLIENTS           connects, and leaves
//   bench_events hold COORDINATOR PREFIX SUFFIX KEYS EACH BYTES   to PREFIX00000001SUFFIX and so on
//   bench_events resume GATEWAY PREFIX CLIENTS EACH    connects, and takes EACH replayed events
//
// Ports are those of 127.0.0.1. Prints one JSON object; a failure is a sentence and status 1.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "common/one_poller.h"
#include "interlock/v1/events.grpc.pb.h"
#include "tests/bench/load/client_sockets.h"
#include "tests/bench/load/echo_backend.h"
#include "tests/bench/load/publisher.h"
#include "tests/bench/load/samples.h"

namespace interlock::bench {
namespace {

constexpr std::int64_t kPatienceUs = 60'000'000;
constexpr std::uint64_t kAckEvery = 100;
constexpr std::int64_t kDeltaEveryUs = 20'000;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_events: %s\n", why.c_str());
  std::exit(1);
}

// A session's name that no round before has used.
std::string fresh(const char* prefix) { return fmt::format("{}{}-", prefix, now_us()); }

// The number behind "name": in a frame of ours; 0: there is none.
std::int64_t number_in(std::string_view frame, std::string_view name) {
  const auto at = frame.find(fmt::format("\"{}\":", name));
  return at == std::string_view::npos ? 0 : std::atoll(frame.data() + at + name.size() + 3);
}

std::string numbered(const std::string& prefix, std::uint64_t number, const std::string& suffix) {
  return fmt::format("{}{:08}{}", prefix, number, suffix);
}

// Clients that are ready, and what they were sent.
class Audience {
 public:
  Audience() : sockets_([this](auto client, auto text, auto at) { take(client, text, at); }) {}

  void open(int port, std::size_t clients, const std::string& prefix) {
    for (std::size_t i = 0; i < clients; ++i) {
      const std::string session = numbered(prefix, i + 1, "");
      keys_.push_back("anonymous:" + session);
      sequences_.push_back(0);
      sockets_.open(port, "session=" + session);
      sockets_.poll(0);
    }
  }
  template <class Condition>
  void until(Condition condition, const char* what) {
    const std::int64_t deadline = now_us() + kPatienceUs;
    while (!condition()) {
      if (now_us() > deadline) {
        give_up(fmt::format("{} did not happen: {} ready, {} events", what, ready, events));
      }
      if (sockets_.ended() > 0) give_up("a client's connection ended");
      sockets_.poll(10);
    }
  }
  void until_ready() {
    until([this] { return ready == sockets_.size(); }, "ready");
  }
  const std::string& key(std::size_t client) const { return keys_[client]; }
  ClientSockets& sockets() { return sockets_; }

  std::size_t ready = 0;
  std::uint64_t events = 0;
  std::int64_t last_at_us = 0;
  bool acknowledge = true;
  std::vector<std::int64_t> delays_us;  // of those that say when they were to be sent

 private:
  void take(std::size_t client, std::string_view text, std::int64_t at_us) {
    if (text.starts_with("{\"type\":\"ready\"")) ++ready;
    if (!text.starts_with("{\"type\":\"event\"")) return;
    ++events;
    last_at_us = at_us;
    if (const std::int64_t intended = number_in(text, "t")) delays_us.push_back(at_us - intended);
    const std::int64_t sequence = number_in(text, "seq");
    if (sequence == 0) return;
    if (sequence != ++sequences_[client]) give_up("an event is missing, or came twice");
    if (acknowledge && static_cast<std::uint64_t>(sequence) % kAckEvery == 0) {
      sockets_.send_text(client, fmt::format("{{\"type\":\"ack\",\"seq\":{}}}", sequence));
    }
  }

  ClientSockets sockets_;
  std::vector<std::string> keys_;
  std::vector<std::int64_t> sequences_;
};

v1::PublishRequest event(const std::string& key, std::size_t bytes) {
  v1::PublishRequest event;
  event.set_key(key);
  event.set_type("note");
  event.set_payload('"' + std::string(bytes, 'x') + '"');
  return event;
}

std::string durable(int gateway, int coordinator, std::uint64_t count, std::size_t bytes) {
  Audience audience;
  audience.open(gateway, 1, fresh("durable"));
  audience.until_ready();
  Publisher publisher(coordinator);
  std::vector<std::int64_t> took_us;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::int64_t began = now_us();
    publisher.publish(event(audience.key(0), bytes));
    audience.until([&] { return audience.events == i + 1; }, "the event");
    took_us.push_back(audience.last_at_us - began);
    publisher.until_answered();
  }
  return summary(std::move(took_us));
}

std::string transient(int gateway, std::uint64_t count) {
  Audience audience;
  audience.open(gateway, 1, fresh("transient"));
  audience.until_ready();
  std::vector<std::int64_t> took_us;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::int64_t began = now_us();
    audience.sockets().send_text(
        0, fmt::format(R"({{"type":"message","id":"m{}","data":{{"count":1,"every_us":0}}}})", i));
    audience.until([&] { return audience.events == i + 1; }, "the event");
    took_us.push_back(audience.last_at_us - began);
  }
  return summary(std::move(took_us));
}

std::string deltas(int gateway, std::size_t clients, std::uint64_t seconds) {
  Audience audience;
  audience.open(gateway, clients, fresh("deltas"));
  audience.until_ready();
  const std::uint64_t each = seconds * 1'000'000 / kDeltaEveryUs;
  for (std::size_t i = 0; i < clients; ++i) {
    audience.sockets().send_text(
        i, fmt::format(R"({{"type":"message","id":"m","data":{{"count":{},"every_us":{}}}}})", each,
                       kDeltaEveryUs));
    // Spread over one interval, as those of independent agents are.
    if (i % 50 == 49) audience.sockets().poll(1);
  }
  audience.until([&] { return audience.events == each * clients; }, "the last delta");
  return summary(std::move(audience.delays_us));
}

std::string fanout(int gateway, int coordinator, std::size_t clients, std::uint64_t count,
                   std::size_t bytes) {
  Audience audience;
  audience.open(gateway, clients, fresh("fanout"));
  audience.until_ready();
  std::cout << "{\"ready\":true}" << std::endl;  // whoever measures the gateway looks now
  std::string line;
  std::getline(std::cin, line);
  const std::int64_t began = now_us();
  std::thread publishing([&] {
    Publisher publisher(coordinator);
    for (std::uint64_t i = 0; i < count; ++i) {
      publisher.publish(event(audience.key(i % clients), bytes));
    }
    publisher.until_answered();
  });
  audience.until([&] { return audience.events == count; }, "the last event");
  publishing.join();
  return fmt::format("{{\"count\":{},\"took_us\":{}}}", count, now_us() - began);
}

std::string open(int gateway, const std::string& prefix, std::size_t clients) {
  Audience audience;
  audience.open(gateway, clients, prefix);
  audience.until_ready();
  return fmt::format("{{\"count\":{}}}", clients);
}

std::string hold(int coordinator, const std::string& prefix, const std::string& suffix,
                 std::uint64_t keys, std::uint64_t each, std::size_t bytes) {
  Publisher publisher(coordinator);
  for (std::uint64_t times = 0; times < each; ++times) {
    for (std::uint64_t i = 1; i <= keys; ++i) {
      publisher.publish(event(numbered(prefix, i, suffix), bytes));
    }
  }
  publisher.until_answered();
  return fmt::format("{{\"count\":{}}}", keys * each);
}

std::string resume(int gateway, const std::string& prefix, std::size_t clients,
                   std::uint64_t each) {
  Audience audience;
  audience.acknowledge = false;
  const std::int64_t began = now_us();
  audience.open(gateway, clients, prefix);
  audience.until_ready();
  audience.until([&] { return audience.events == clients * each; }, "the end of the replay");
  return fmt::format("{{\"count\":{},\"took_us\":{}}}", audience.events, now_us() - began);
}

std::string backend(int port) {
  EchoBackend backend(port);
  std::cout << "{\"listening\":true}" << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  return "{}";
}

std::string carry_out(const std::vector<std::string>& words) {
  const auto number = [&](std::size_t i) { return std::strtoull(words[i].c_str(), nullptr, 10); };
  const auto port = [&](std::size_t i) { return std::atoi(words[i].c_str()); };
  const std::string verb = words.empty() ? "" : words[0];
  const std::size_t count = words.size();
  if (verb == "backend" && count == 2) return backend(port(1));
  if (verb == "durable" && count == 5) return durable(port(1), port(2), number(3), number(4));
  if (verb == "transient" && count == 3) return transient(port(1), number(2));
  if (verb == "deltas" && count == 4) return deltas(port(1), number(2), number(3));
  if (verb == "fanout" && count == 6) {
    return fanout(port(1), port(2), number(3), number(4), number(5));
  }
  if (verb == "open" && count == 4) return open(port(1), words[2], number(3));
  if (verb == "hold" && count == 7) {
    return hold(port(1), words[2], words[3], number(4), number(5), number(6));
  }
  if (verb == "resume" && count == 5) return resume(port(1), words[2], number(3), number(4));
  give_up("what it can be asked stands at the beginning of tests/bench/load/events.cc");
}

}  // namespace
}  // namespace interlock::bench

int main(int argc, char** argv) {
  const interlock::OnePoller poller;  // as the services have it
  std::cout << interlock::bench::carry_out({argv + 1, argv + argc}) << std::endl;
  return 0;
}
