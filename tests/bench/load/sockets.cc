// Clients for what a gateway's sockets cost.
//
//   bench_sockets echo PORT CLIENTS       each line N: so many pings and their answers, one after
//                                         the other on each socket
//   bench_sockets idle PORT CLIENTS       connects, and answers pings of the protocol
//   bench_sockets handshake PORT COUNT    one after the other, from connect() to `ready`
//   bench_sockets storm PORT COUNT AT_ONCE
//
// Ports are those of 127.0.0.1. Prints a JSON object when the clients are there and one for each
// line; ends with its input.
#include <fmt/format.h>
#include <poll.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/load/arrivals.h"
#include "tests/bench/load/client_sockets.h"
#include "tests/bench/load/samples.h"

namespace interlock::bench {
namespace {

constexpr std::int64_t kPatienceUs = 60'000'000;
constexpr std::string_view kPing = R"({"type":"ping"})";

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_sockets: %s\n", why.c_str());
  std::exit(1);
}

class Crowd {
 public:
  Crowd() : sockets_([this](auto client, auto text, auto) { take(client, text); }) {}

  void open(int port, std::size_t clients) {
    for (std::size_t i = 0; i < clients; ++i) {
      sockets_.open(port, session(i));
      sockets_.poll(0);
    }
    until([&] { return ready_ == clients; }, "ready");
  }

  // Closed loop; the time it took in us.
  std::int64_t echo(std::uint64_t count) {
    const std::int64_t began = now_us();
    pongs_ = 0;
    left_ = count;
    for (std::size_t client = 0; client < sockets_.size() && left_ > 0; ++client) ping(client);
    until([&] { return pongs_ == count; }, "every answer");
    return now_us() - began;
  }

  // Until there is a line on the input, or it ends.
  void wait() {
    while (true) {
      pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      if (::poll(&input, 1, 0) > 0) return;
      sockets_.poll(100);
      if (sockets_.ended() > 0) give_up("a client's connection ended");
    }
  }

 private:
  void ping(std::size_t client) {
    --left_;
    sockets_.send_text(client, kPing);
  }

  void take(std::size_t client, std::string_view text) {
    if (text.starts_with(R"({"type":"ready")")) ++ready_;
    if (!text.starts_with(R"({"type":"pong")")) return;
    ++pongs_;
    if (left_ > 0) ping(client);
  }

  template <class Condition>
  void until(Condition condition, const char* what) {
    const std::int64_t deadline = now_us() + kPatienceUs;
    while (!condition()) {
      if (now_us() > deadline) give_up(fmt::format("not within a minute: {}", what));
      if (sockets_.ended() > 0) give_up("a client's connection ended");
      sockets_.poll(10);
    }
  }

  ClientSockets sockets_;
  std::size_t ready_ = 0;
  std::uint64_t pongs_ = 0;
  std::uint64_t left_ = 0;
};

int echo(int port, std::size_t clients) {
  Crowd crowd;
  crowd.open(port, clients);
  std::cout << fmt::format("{{\"ready\":{}}}", clients) << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const std::uint64_t count = std::strtoull(line.c_str(), nullptr, 10);
    const auto took_us = static_cast<double>(crowd.echo(count));
    std::cout << fmt::format("{{\"per_s\":{:.0f}}}", static_cast<double>(count) * 1e6 / took_us)
              << std::endl;
  }
  return 0;
}

int idle(int port, std::size_t clients) {
  Crowd crowd;
  crowd.open(port, clients);
  std::cout << fmt::format("{{\"ready\":{}}}", clients) << std::endl;
  crowd.wait();
  return 0;
}

int handshake(int port, std::size_t count) {
  Arrivals arrivals;
  std::vector<std::int64_t> times;
  for (std::size_t number = 0; number < count; ++number) {
    times.push_back(arrivals.one(port, number));
  }
  std::cout << summary(std::move(times)) << std::endl;
  return 0;
}

int storm(int port, std::size_t count, std::size_t at_once) {
  std::atomic<std::size_t> next = 0;
  const std::int64_t began = now_us();
  std::vector<Arrivals> arrivals(at_once);
  std::vector<std::thread> clients;
  for (Arrivals& some : arrivals) {
    clients.emplace_back([&] {
      for (std::size_t number = next++; number < count; number = next++) some.one(port, number);
    });
  }
  for (std::thread& client : clients) client.join();
  const auto took_us = static_cast<double>(now_us() - began);
  std::cout << fmt::format("{{\"per_s\":{:.0f}}}", static_cast<double>(count) * 1e6 / took_us)
            << std::endl;
  return 0;
}

int run(int argc, char** argv) {
  const std::string verb = argc > 3 ? argv[1] : "";
  const int port = argc > 3 ? std::atoi(argv[2]) : 0;
  const std::size_t count = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 0;
  session(0);  // named before threads ask
  if (verb == "echo" && argc == 4) return echo(port, count);
  if (verb == "idle" && argc == 4) return idle(port, count);
  if (verb == "handshake" && argc == 4) return handshake(port, count);
  if (verb == "storm" && argc == 5) return storm(port, count, std::strtoull(argv[4], nullptr, 10));
  give_up("echo, idle, handshake or storm, a port and a number");
}

}  // namespace
}  // namespace interlock::bench

int main(int argc, char** argv) { return interlock::bench::run(argc, argv); }
