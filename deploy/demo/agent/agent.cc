#include "deploy/demo/agent/agent.h"

#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include "common/log.h"
#include "common/log_trace.h"
#include "deploy/demo/agent/run_plan.h"

namespace interlock {
namespace {

constexpr std::size_t message_id_bytes_max = 128;

std::int64_t steady_now_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

void end(TokenSink& sink) {
  if (sink.end) sink.end();
  sink = {};
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::started:
      return "started";
    case Verdict::repeated:
      return "repeated";
    case Verdict::superseded:
      return "superseded";
    case Verdict::malformed:
      return "malformed";
    case Verdict::busy:
      return "busy";
    case Verdict::stopping:
      return "stopping";
  }
  return "stopping";
}

struct Agent::Playing {
  Playing(boost::asio::io_context& io, const RunSettings& settings) : run(settings), timer(io) {}

  Run run;
  boost::asio::steady_timer timer;
  std::string key;
  std::string message_id;
  std::string text;
  std::string traceparent;
  TokenSink sink;
};

Agent::Agent(boost::asio::io_context& io, const AgentSettings& settings, Publish publish,
             Metrics& metrics)
    : io_(io),
      settings_(settings),
      publish_(std::move(publish)),
      messages_total_(metrics.counters("interlock_demo_messages_total", "Messages, by verdict.")),
      publishes_total_(
          metrics.counters("interlock_demo_publishes_total", "Publish attempts, by outcome.")),
      runs_total_(metrics.counters("interlock_demo_runs_total", "Agent runs, by how they ended.")),
      runs_open_(metrics.gauge("interlock_demo_runs_open", "Agent runs that are being played.")),
      guard_(settings.keys_max),
      messages_(settings.messages_max) {}

bool Agent::open(const std::string& key, std::uint64_t generation) {
  return guard_.admit(key, generation);
}

void Agent::closed(const std::string& key, std::uint64_t generation) {
  // Runs of a machine that ended are not looked for: their next publish says it (GONE), or they
  // belong to the next machine (FAILED passes them on).
  guard_.admit(key, generation);
}

Verdict Agent::receive(const v1::ReceiveRequest& request, TokenSink sink,
                       std::string traceparent) {
  const Verdict verdict = judge(request, sink, traceparent);
  messages_total_.Add({{"verdict", std::string(name_of(verdict))}}).Increment();
  return verdict;
}

Verdict Agent::judge(const v1::ReceiveRequest& request, TokenSink& sink,
                     std::string& traceparent) {
  if (stopping_) return Verdict::stopping;
  if (!guard_.admit(request.key(), request.generation())) return Verdict::superseded;
  const auto& id = request.message_id();
  auto text = message_text(request.data());
  if (id.empty() || id.size() > message_id_bytes_max || !text) return Verdict::malformed;
  std::string name = run_name(request.key(), id);
  if (runs_.contains(name) || messages_.knows(request.key(), id)) return Verdict::repeated;
  if (runs_.size() >= settings_.runs_max) return Verdict::busy;
  messages_.remember(request.key(), id);
  auto playing = std::make_shared<Playing>(io_, settings_.run);
  playing->text = *std::move(text);
  playing->traceparent = std::move(traceparent);
  playing->sink = std::move(sink);
  start(std::move(name), request, std::move(playing));
  return Verdict::started;
}

void Agent::start(std::string name, const v1::ReceiveRequest& request,
                  std::shared_ptr<Playing> playing) {
  playing->key = request.key();
  playing->message_id = request.message_id();
  runs_.emplace(name, std::move(playing));
  runs_open_.Set(static_cast<double>(runs_.size()));
  {
    const auto trace = parse_traceparent(runs_.at(name)->traceparent);
    const LogTrace scope(trace ? &*trace : nullptr);
    log_info("Agent run begins.", {{"key", request.key()}, {"run", name}});
  }
  go_on(name, RunStarted{});
}

// Every timer and answer ends up here; one whose run is no longer played means nothing.
void Agent::go_on(const std::string& name, const RunInput& input) {
  const auto found = runs_.find(name);
  if (found == runs_.end()) return;
  const double random = std::uniform_real_distribution<double>(0, 1)(random_);
  for (const RunAction& action : found->second->run.step(input, steady_now_ms(), random)) {
    std::visit([&](const auto& what) { carry_out(name, what); }, action);
  }
}

void Agent::carry_out(const std::string& name, const SayToken& action) {
  const auto& sink = runs_.at(name)->sink;
  if (!sink.say) return;
  const AgentEvent token = agent_token(action.index);
  v1::Transient event;
  event.set_type(token.type);
  event.set_data(token.payload);
  sink.say(std::move(event));
}

void Agent::carry_out(const std::string& name, const PublishEvent& action) {
  Playing& playing = *runs_.at(name);
  if (action.number > run_event_thinking) end(playing.sink);
  AgentEvent event = agent_event(action.number, playing.message_id, playing.text);
  v1::PublishRequest request;
  request.set_key(playing.key);
  request.set_run(name);
  request.set_number(action.number);
  request.set_type(std::move(event.type));
  request.set_payload(std::move(event.payload));
  request.set_traceparent(playing.traceparent);
  publish_(std::move(request), [this, name](PublishOutcome outcome) {
    publishes_total_.Add({{"outcome", std::string(name_of(outcome.kind))}}).Increment();
    go_on(name, RunPublished{outcome});
  });
}

void Agent::carry_out(const std::string& name, const WaitFor& action) {
  auto& timer = runs_.at(name)->timer;
  timer.expires_after(std::chrono::milliseconds(action.ms));
  timer.async_wait([this, name](const boost::system::error_code& error) {
    if (!error) go_on(name, RunWaited{});
  });
}

void Agent::carry_out(const std::string& name, const EndRun& action) {
  const auto playing = runs_.at(name);
  end(playing->sink);
  runs_.erase(name);
  runs_open_.Set(static_cast<double>(runs_.size()));
  runs_total_.Add({{"end", std::string(name_of(action.end))}}).Increment();
  const auto trace = parse_traceparent(playing->traceparent);
  const LogTrace scope(trace ? &*trace : nullptr);
  log_at(action.end == RunEnd::completed ? LogLevel::info : LogLevel::warning, "Agent run ended.",
         {{"key", playing->key}, {"run", name}, {"end", name_of(action.end)}});
}

void Agent::stop() {
  stopping_ = true;
  if (!runs_.empty()) log_warning("Agent runs are dropped.", {{"runs", runs_.size()}});
  for (auto& [name, playing] : runs_) end(playing->sink);
  runs_.clear();
  runs_open_.Set(0);
}

}  // namespace interlock
