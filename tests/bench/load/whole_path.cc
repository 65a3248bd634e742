// A message's whole way: from a client through its gateway to a backend, which publishes an event
// for whoever sent it, and back to the client. Over Interlock, and over Socket.IO with Redis.
//
//   bench_whole_path backend PORT COORDINATOR
//   bench_whole_path interlock|socketio PORTS CLIENTS SECONDS PER_S
//
// PORTS, separated by commas, are those of gateways or servers, to which clients go in turn. First
// a closed loop, each client with one message under way; then an open loop of PER_S messages a
// second over all clients, whose times count from when a message was to be sent, however late it
// was.
// Prints one JSON object; a failure is a sentence and status 1.
#include <fmt/format.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/one_poller.h"
#include "interlock/v1/backend.grpc.pb.h"
#include "tests/bench/load/client_sockets.h"
#include "tests/bench/load/publisher.h"
#include "tests/bench/load/samples.h"

namespace interlock::bench {
namespace {

constexpr std::int64_t kPatienceUs = 30'000'000;
constexpr std::int64_t kAckEvery = 20;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_whole_path: %s\n", why.c_str());
  std::exit(1);
}

std::int64_t number_in(std::string_view frame, std::string_view name) {
  const auto at = frame.find(fmt::format("\"{}\":", name));
  return at == std::string_view::npos ? 0 : std::atoll(frame.data() + at + name.size() + 3);
}

// ---- the backend of Interlock ----

class Backend final : public v1::Backend::CallbackService {
 public:
  explicit Backend(int coordinator) : publisher_(coordinator) {}

  grpc::ServerUnaryReactor* Open(grpc::CallbackServerContext* context, const v1::OpenRequest*,
                                 v1::OpenResponse*) override {
    return done(context);
  }
  grpc::ServerUnaryReactor* Closed(grpc::CallbackServerContext* context, const v1::ClosedRequest*,
                                   v1::ClosedResponse*) override {
    return done(context);
  }
  grpc::ServerWriteReactor<v1::ReceiveResponse>* Receive(
      grpc::CallbackServerContext*, const v1::ReceiveRequest* request) override {
    publish(*request);
    return new Accepted;
  }

 private:
  class Accepted final : public grpc::ServerWriteReactor<v1::ReceiveResponse> {
   public:
    Accepted() {
      response_.mutable_accepted();
      StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    v1::ReceiveResponse response_;
  };

  static grpc::ServerUnaryReactor* done(grpc::CallbackServerContext* context) {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  void publish(const v1::ReceiveRequest& message) {
    v1::PublishRequest event;
    event.set_key(message.key());
    event.set_type("note");
    event.set_payload(message.data());
    publisher_.publish(std::move(event), true);
  }

  Publisher publisher_;
};

int serve(int port, int coordinator) {
  const OnePoller poller;  // as the services have it
  Backend backend(coordinator);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(fmt::format("127.0.0.1:{}", port), grpc::InsecureServerCredentials());
  builder.RegisterService(&backend);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) give_up(fmt::format("cannot listen on port {}", port));
  std::cout << "{\"listening\":true}" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

// ---- clients of either ----

class Clients {
 public:
  explicit Clients(bool interlock)
      : interlock_(interlock),
        sockets_([this](auto client, auto text, auto at) { take(client, text, at); }) {}

  void open(const std::vector<int>& ports, std::size_t clients) {
    for (std::size_t i = 0; i < clients; ++i) {
      sequences_.push_back(0);
      numbers_.push_back(0);
      sockets_.open_at(ports[i % ports.size()],
                       interlock_ ? fmt::format("/ws?session=path{}-{}", now_us(), i)
                                  : "/socket.io/?EIO=4&transport=websocket");
      sockets_.poll(0);
    }
    until([&] { return ready_ == clients; }, "ready");
  }

  // Messages a second.
  double closed_loop(double seconds) {
    answered_ = 0;
    const std::int64_t began = now_us();
    const auto end = began + static_cast<std::int64_t>(seconds * 1e6);
    again_ = true;
    for (std::size_t client = 0; client < sockets_.size(); ++client) send(client, now_us());
    while (now_us() < end) poll();
    const double per_s =
        static_cast<double>(answered_) * 1e6 / static_cast<double>(now_us() - began);
    again_ = false;
    until([&] { return under_way_ == 0; }, "the last answers");
    return per_s;
  }

  std::vector<std::int64_t> open_loop(double seconds, double per_s) {
    took_us_.clear();
    const std::int64_t began = now_us();
    const auto count = static_cast<std::uint64_t>(seconds * per_s);
    for (std::uint64_t i = 0; i < count;) {
      const auto due = began + static_cast<std::int64_t>(static_cast<double>(i) * 1e6 / per_s);
      if (const std::int64_t early_us = due - now_us(); early_us > 0) {
        sockets_.poll_us(early_us);
        continue;
      }
      send(i++ % sockets_.size(), due);
    }
    until([&] { return under_way_ == 0; }, "the last answers");
    return took_us_;
  }

 private:
  void send(std::size_t client, std::int64_t intended_us) {
    ++under_way_;
    if (interlock_) {
      sockets_.send_text(client,
                         fmt::format(R"({{"type":"message","id":"m{}","data":{{"t":{}}}}})",
                                     ++numbers_[client], intended_us));
    } else {
      sockets_.send_text(client, fmt::format(R"(42["message",{{"t":{}}}])", intended_us));
    }
  }

  void take(std::size_t client, std::string_view text, std::int64_t at_us) {
    const bool event = interlock_ ? take_ours(client, text) : take_theirs(client, text);
    if (!event) return;
    ++answered_;
    --under_way_;
    took_us_.push_back(at_us - number_in(text, "t"));
    if (again_) send(client, now_us());
  }

  // Whether it is an event.
  bool take_ours(std::size_t client, std::string_view text) {
    if (text.starts_with(R"({"type":"ready")")) ++ready_;
    if (text.starts_with(R"({"type":"error")")) give_up("a message was not taken");
    if (!text.starts_with(R"({"type":"event")")) return false;
    const std::int64_t sequence = number_in(text, "seq");
    if (sequence != ++sequences_[client]) give_up("an event is missing, or came twice");
    if (sequence % kAckEvery == 0) {
      sockets_.send_text(client, fmt::format(R"({{"type":"ack","seq":{}}})", sequence));
    }
    return true;
  }
  // Engine.IO 4 in front of Socket.IO 5: 0 open, 40 connected, 42 an event, 2 a ping, 3 a pong.
  bool take_theirs(std::size_t client, std::string_view text) {
    if (text.starts_with("0")) sockets_.send_text(client, "40");
    if (text.starts_with("40")) ++ready_;
    if (text == "2") sockets_.send_text(client, "3");
    return text.starts_with("42[\"event\"");
  }

  void poll() {
    sockets_.poll(10);
    if (sockets_.ended() > 0) give_up("a client's connection ended");
  }
  template <class Condition>
  void until(Condition condition, const char* what) {
    const std::int64_t deadline = now_us() + kPatienceUs;
    while (!condition()) {
      if (now_us() > deadline) give_up(fmt::format("not in time: {}", what));
      poll();
    }
  }

  const bool interlock_;
  ClientSockets sockets_;
  std::vector<std::int64_t> sequences_;
  std::vector<std::uint64_t> numbers_;
  std::vector<std::int64_t> took_us_;
  std::size_t ready_ = 0;
  std::size_t under_way_ = 0;
  std::uint64_t answered_ = 0;
  bool again_ = false;
};

int load(bool interlock, const std::string& ports, std::size_t clients, double seconds,
         double per_s) {
  std::vector<int> numbers;
  std::istringstream list(ports);
  for (std::string one; std::getline(list, one, ',');) numbers.push_back(std::atoi(one.c_str()));
  Clients all(interlock);
  all.open(numbers, clients);
  const double reached = all.closed_loop(seconds);
  std::string times = summary(all.open_loop(seconds, per_s));
  std::cout << fmt::format("{{\"per_s\":{:.0f},", reached) << times.substr(1) << std::endl;
  return 0;
}

int run(const std::vector<std::string>& words) {
  const auto number = [&](std::size_t place) { return std::atof(words[place].c_str()); };
  if (words.size() == 3 && words[0] == "backend") {
    return serve(static_cast<int>(number(1)), static_cast<int>(number(2)));
  }
  const bool known = !words.empty() && (words[0] == "interlock" || words[0] == "socketio");
  if (words.size() != 5 || !known) give_up("its words stand at the beginning of whole_path.cc");
  return load(words[0] == "interlock", words[1], static_cast<std::size_t>(number(2)), number(3),
              number(4));
}

}  // namespace
}  // namespace interlock::bench

int main(int argc, char** argv) { return interlock::bench::run({argv + 1, argv + argc}); }
