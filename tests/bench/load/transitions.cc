// Advances connections through one Attach stream, as fast as they are accepted.
//
//   bench_transitions COORDINATOR_PORT NAME KEYS PER_KEY
//
// Claims KEYS connections and says so. Then, for each line `COUNT` on its standard input, makes
// COUNT transitions, with PER_KEY of each key under way, and prints {"per_s":..,"cpu_us":..}, the
// latter this program's own. A line `rate PER_S SECONDS` makes them at that rate instead and prints
// when each was accepted: {"accepted":[[key, generation, op, CLOCK_MONOTONIC us], ...]}.
#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <sys/resource.h>

#include <chrono>
#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>
#include <unordered_map>
#include <vector>

#include "common/identity.h"
#include "interlock/v1/gateway.grpc.pb.h"

namespace interlock::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kClaimsAtOnce = 4'096;  // of one message
constexpr auto kPatience = std::chrono::seconds(120);
constexpr auto kHeartbeatEvery = std::chrono::seconds(2);
constexpr std::uint64_t kCredit = 1 << 20;

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch())
      .count();
}

double cpu_us() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto us = [](const timeval& time) { return time.tv_sec * 1e6 + time.tv_usec; };
  return us(used.ru_utime) + us(used.ru_stime);
}

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << "bench_transitions: " << why << "\n";
  std::_Exit(1);
}

struct Connection {
  std::uint64_t generation = 0;
  std::uint64_t op = 0;  // the last one asked
};
struct Accepted {
  std::size_t key = 0;
  std::uint64_t op = 0;
  std::int64_t at_us = 0;
};

class Driver {
 public:
  Driver(int port, std::string name, std::size_t keys)
      : name_(std::move(name)), connections_(keys), gateway_id_(make_identity()) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetMaxReceiveMessageSize(-1);
    stub_ = v1::Gateway::NewStub(grpc::CreateCustomChannel(
        fmt::format("127.0.0.1:{}", port), grpc::InsecureChannelCredentials(), arguments));
    stream_ = stub_->Attach(&context_);
    for (std::size_t i = 0; i < keys; ++i) number_of_[key(i)] = i;
    v1::AttachRequest hello;
    hello.mutable_hello()->set_protocol_version(1);
    hello.mutable_hello()->set_gateway_id(gateway_id_);
    hello.mutable_hello()->set_event_credit_bytes(kCredit);
    hello.set_held_end(true);
    if (!stream_->Write(hello)) give_up("the coordinator did not take the stream");
    reader_ = std::thread([this] { read(); });
    writer_ = std::thread([this] { write(); });
  }
  ~Driver() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    writer_.join();
    context_.TryCancel();
    reader_.join();
  }

  void claim_all() {
    for (std::size_t begin = 0; begin < connections_.size();) {
      const std::size_t end = std::min(begin + kClaimsAtOnce, connections_.size());
      {
        const std::lock_guard lock(mutex_);
        for (; begin < end; ++begin) to_claim_.push_back(begin);
      }
      changed_.notify_all();
      wait([this, end] { return granted_ == end; });
    }
  }

  // Closed loop: `per_key` of each under way, or `at_once` keys of all of them, which take turns.
  void advance(std::uint64_t count, std::uint64_t per_key, std::size_t at_once) {
    {
      const std::lock_guard lock(mutex_);
      done_ = 0;
      wanted_ = count;
      keep_going_ = true;
      take_turns_ = at_once > 0;
      for (std::uint64_t round = 0; round < per_key; ++round) {
        const std::size_t keys = take_turns_ ? at_once : connections_.size();
        for (std::size_t i = 0; i < keys; ++i) to_advance_.push_back(next(i));
      }
      asked_ = to_advance_.size();
    }
    changed_.notify_all();
    wait([this] { return done_ == asked_ && done_ >= wanted_; });
  }

  // Open loop.
  std::vector<Accepted> advance_at(double per_s, double seconds) {
    const auto began = Clock::now();
    const auto total = static_cast<std::uint64_t>(per_s * seconds);
    {
      const std::lock_guard lock(mutex_);
      done_ = 0;
      asked_ = total;
      keep_going_ = false;
      noting_ = true;
      accepted_.clear();
    }
    for (std::uint64_t number = 0; number < total; ++number) {
      const auto intended = began + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(number / per_s));
      {
        std::unique_lock lock(mutex_);
        answered_.wait_until(lock, intended, [&] { return Clock::now() >= intended; });
        to_advance_.push_back(number % connections_.size());
      }
      changed_.notify_all();
    }
    wait([this] { return done_ == asked_; });
    const std::lock_guard lock(mutex_);
    noting_ = false;
    return std::exchange(accepted_, {});
  }

  std::string key(std::size_t number) const {
    return fmt::format("user.{}.{:06}:one-session", name_, number);
  }
  std::uint64_t generation(std::size_t number) const { return connections_[number].generation; }

 private:
  template <class Condition>
  void wait(Condition condition) {
    std::unique_lock lock(mutex_);
    if (!answered_.wait_for(lock, kPatience, condition)) give_up("it took more than two minutes");
  }

  void write() {
    auto heartbeat_at = Clock::now();
    std::uint64_t heartbeats = 0;
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait_until(lock, heartbeat_at, [this] {
        return stopping_ || !to_claim_.empty() || !to_advance_.empty();
      });
      if (stopping_) return;
      v1::AttachRequest request;
      for (const std::size_t number : std::exchange(to_claim_, {})) add_claim(number, request);
      for (const std::size_t number : std::exchange(to_advance_, {})) add_advance(number, request);
      lock.unlock();
      if (Clock::now() >= heartbeat_at) {
        request.mutable_heartbeat()->set_number(++heartbeats);
        heartbeat_at = Clock::now() + kHeartbeatEvery;
      }
      if (!stream_->Write(request)) give_up("the stream broke");
      lock.lock();
    }
  }

  std::size_t next(std::size_t number) {
    return take_turns_ ? turn_++ % connections_.size() : number;
  }

  void add_claim(std::size_t number, v1::AttachRequest& request) {
    v1::ClaimRequest& claim = *request.add_claims();
    claim.set_key(key(number));
    claim.set_subject(fmt::format("user.{}.{:06}", name_, number));
    claim.set_gateway_id(gateway_id_);
    claim.set_claim_id(fmt::format("{:016x}", number));
    claim.set_through(v1::PROCESSING_READY);
  }

  // To and fro between two states.
  void add_advance(std::size_t number, v1::AttachRequest& request) {
    Connection& connection = connections_[number];
    v1::OperateRequest& operate = *request.add_operations();
    operate.set_key(key(number));
    operate.set_gateway_id(gateway_id_);
    operate.set_generation(connection.generation);
    v1::Operation& operation = *operate.add_operations();
    operation.set_op(++connection.op);
    operation.set_advance(connection.op % 2 == 1 ? v1::IDLE : v1::PROCESSING_READY);
  }

  void read() {
    v1::AttachResponse response;
    while (stream_->Read(&response)) {
      {
        const std::lock_guard lock(mutex_);
        for (const v1::ClaimAnswer& answer : response.claims()) take(answer);
        for (const v1::OperateAnswer& answer : response.operations()) take(answer);
      }
      changed_.notify_all();
      answered_.notify_all();
    }
  }

  void take(const v1::ClaimAnswer& answer) {
    if (!answer.has_granted()) give_up("a claim was refused: " + answer.ShortDebugString());
    connections_[number_of_.at(answer.key())].generation = answer.granted().generation();
    ++granted_;
  }

  void take(const v1::OperateAnswer& answer) {
    if (!answer.has_done() || answer.done().refused_size() > 0) {
      give_up("an advance was refused: " + answer.ShortDebugString());
    }
    const std::size_t number = number_of_.at(answer.key());
    ++done_;
    if (noting_) accepted_.push_back({number, answer.done().last_op(), now_us()});
    if (keep_going_ && asked_ < wanted_) {
      ++asked_;
      to_advance_.push_back(next(number));
    }
  }

  const std::string name_;
  std::vector<Connection> connections_;
  const std::string gateway_id_;
  std::unordered_map<std::string, std::size_t> number_of_;
  grpc::ClientContext context_;
  std::unique_ptr<v1::Gateway::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AttachRequest, v1::AttachResponse>> stream_;
  std::mutex mutex_;
  std::condition_variable changed_;  // there is something to be written
  std::condition_variable answered_;
  std::vector<std::size_t> to_claim_;
  std::vector<std::size_t> to_advance_;
  std::size_t granted_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t wanted_ = 0;
  bool keep_going_ = false;
  bool take_turns_ = false;
  std::size_t turn_ = 0;
  bool noting_ = false;
  bool stopping_ = false;
  std::vector<Accepted> accepted_;
  std::thread reader_;
  std::thread writer_;
};

void print(const Driver& driver, const std::vector<Accepted>& accepted) {
  std::string text = "{\"accepted\":[";
  for (const Accepted& one : accepted) {
    if (text.back() != '[') text += ',';
    text += fmt::format("[\"{}\",{},{},{}]", driver.key(one.key), driver.generation(one.key),
                        one.op, one.at_us);
  }
  std::cout << text << "]}" << std::endl;
}

int serve(int port, const std::string& name, std::size_t keys, std::uint64_t per_key,
          std::size_t at_once) {
  Driver driver(port, name, keys);
  driver.claim_all();
  std::cout << "{\"claimed\":" << keys << "}" << std::endl;
  for (std::string text; std::getline(std::cin, text);) {
    std::istringstream line(text);
    std::uint64_t count = 0;
    double per_s = 0, seconds = 0;
    if (line >> count) {
      const auto began = Clock::now();
      const double cpu = cpu_us();
      driver.advance(count, per_key, at_once);
      const double took = std::chrono::duration<double>(Clock::now() - began).count();
      const auto made = static_cast<double>(count);
      std::cout << fmt::format("{{\"per_s\":{:.0f},\"cpu_us\":{:.2f}}}", made / took,
                               (cpu_us() - cpu) / made)
                << std::endl;
      continue;
    }
    line.clear();
    std::string verb;
    if (!(line >> verb >> per_s >> seconds) || verb != "rate") give_up("'" + text + "'?");
    print(driver, driver.advance_at(per_s, seconds));
  }
  return 0;
}

}  // namespace
}  // namespace interlock::bench

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) {
    std::cerr << "bench_transitions: a port, a name, a number of keys, how many of each, and of "
                 "how many keys at once\n";
    return 2;
  }
  return interlock::bench::serve(std::atoi(argv[1]), argv[2], std::strtoull(argv[3], nullptr, 10),
                                 std::strtoull(argv[4], nullptr, 10),
                                 argc == 6 ? std::strtoull(argv[5], nullptr, 10) : 0);
}
