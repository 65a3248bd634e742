// The demonstration's agent: takes messages and plays a run for each.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/metrics.h"
#include "deploy/demo/agent/generation_guard.h"
#include "deploy/demo/agent/message_memory.h"
#include "deploy/demo/agent/publish_outcome.h"
#include "deploy/demo/agent/run.h"
#include "interlock/v1/backend.pb.h"
#include "interlock/v1/events.pb.h"

namespace interlock {

struct AgentSettings {
  RunSettings run;
  std::size_t runs_max = 20'000;  // at a time; a message beyond is refused for now
  std::size_t keys_max = 100'000;
  std::size_t messages_max = 100'000;
};

// What happens to a message.
enum class Verdict : std::uint8_t {
  started,     // accepted: its run begins
  repeated,    // accepted before: nothing begins
  superseded,  // comes from a socket that was replaced
  malformed,   // no message id, or one that is too long, or not JSON
  busy,        // runs_max
  stopping,
};

std::string_view name_of(Verdict verdict);

// Where a run's transient tokens go while the gateway listens. Both may be empty.
struct TokenSink {
  std::function<void(v1::Transient)> say;
  std::function<void()> end;  // called once, when no more tokens come
};

// One thread, that of `io`, owns it: every run is a timer or a call under way, never a thread.
//
// Runs live in memory only. When the agent dies, its open runs stay as they are and end as
// incomplete after the coordinator's 10 min, unless the client repeats the message: then the same
// run goes on behind its last event.
class Agent {
 public:
  // One attempt; it answers once, later, never within the call.
  using Publish = std::function<void(v1::PublishRequest, std::function<void(PublishOutcome)>)>;

  Agent(boost::asio::io_context& io, const AgentSettings& settings, Publish publish,
        Metrics& metrics);

  // False: the generation is not the highest seen of its key.
  bool open(const std::string& key, std::uint64_t generation);
  void closed(const std::string& key, std::uint64_t generation);

  // With `started`, the sink's `end` is called some time later; otherwise the sink is not used. The
  // run's events go on with the `traceparent` that the message came with; empty: none.
  Verdict receive(const v1::ReceiveRequest& request, TokenSink sink, std::string traceparent = {});

  // Drops all runs; messages are refused from now on.
  void stop();

  std::size_t runs_open() const { return runs_.size(); }

 private:
  struct Playing;

  Verdict judge(const v1::ReceiveRequest& request, TokenSink& sink, std::string& traceparent);
  void start(std::string name, const v1::ReceiveRequest& request,
             std::shared_ptr<Playing> playing);
  void go_on(const std::string& name, const RunInput& input);
  void carry_out(const std::string& name, const SayToken& action);
  void carry_out(const std::string& name, const PublishEvent& action);
  void carry_out(const std::string& name, const WaitFor& action);
  void carry_out(const std::string& name, const EndRun& action);

  boost::asio::io_context& io_;
  AgentSettings settings_;
  Publish publish_;
  prometheus::Family<prometheus::Counter>& messages_total_;
  prometheus::Family<prometheus::Counter>& publishes_total_;
  prometheus::Family<prometheus::Counter>& runs_total_;
  prometheus::Gauge& runs_open_;
  std::mt19937_64 random_{std::random_device{}()};
  GenerationGuard guard_;
  MessageMemory messages_;
  std::unordered_map<std::string, std::shared_ptr<Playing>> runs_;  // by run name
  bool stopping_ = false;
};

}  // namespace interlock
