// The core's hot paths, each many times, for a count of the instructions that one takes.
//
//   bench_paths NAME   runs one of them
//   bench_paths        says which there are
//
// What is counted is what happens within repeat(), which does nothing but the path.
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "coordinator/authority/decide.h"
#include "coordinator/engine/record_codec.h"
#include "gateway/frames.h"
#include "tests/coordinator/engine/bare_engine.h"

namespace interlock::bench {
namespace {

constexpr int kTimes = 1'000;
constexpr Generation kGeneration = 1'001;
const std::string kGateway(32, 'a');
const Context kContext{.tick = 100, .time_unix_ms = 1'700'000'000'000, .revision = 1'001};

// Answers must not be found to be of no use.
volatile std::size_t sink;

using Path = std::function<std::size_t()>;

Record after(const std::optional<Record>& record, const Command& command) {
  Decision decision = decide(record ? &*record : nullptr, command, kContext);
  if (!decision.record) {
    std::fprintf(stderr, "bench_paths: the command writes nothing\n");
    std::exit(1);
  }
  spell_out(*decision.record, kGeneration);
  return *std::move(decision.record);
}

Claim claim(const std::string& claim_id) {
  return {.subject = "alice", .gateway_id = kGateway, .claim_id = claim_id,
          .through = State::kProcessingReady};
}

Operate operate(std::uint64_t op, State to) {
  return {.gateway_id = kGateway, .generation = kGeneration,
          .operations = {{.op = op, .kind = Operation::Kind::kAdvance, .to = to}}};
}

Publish publish(std::uint64_t number) {
  return {.type = number == 1 ? "agent_started" : "agent_thinking",
          .payload = R"({"text":"so many words"})", .run = "run-1", .number = number};
}

// An operational connection with a full history, an open run and ten events that wait.
Record used() {
  Record record = after(std::nullopt, claim("claim-1"));
  for (std::uint64_t op = 1; op <= 20; ++op) {
    record = after(record, operate(op, op % 2 == 1 ? State::kIdle : State::kProcessingReady));
  }
  for (std::uint64_t number = 1; number <= 10; ++number) record = after(record, publish(number));
  return record;
}

Context without_owner() {
  Context context = kContext;
  context.owner_lives = false;
  return context;
}

Path deciding(std::optional<Record> record, Command command, Context context = kContext) {
  return [record = std::move(record), command = std::move(command), context = std::move(context)] {
    const Decision decision = decide(record ? &*record : nullptr, command, context);
    return decision.steps.size() + (decision.record ? 1 : 0);
  };
}

// An engine whose store says at once that it has done what was asked; many keys in each commit.
class Served {
 public:
  Served() {
    bare_.start();
    bare_.attach(1, "gateway-a");
    commit(all([](int key) {
      return CommandGiven{1, name(key), Command{Claim{.subject = "alice",
                                                      .gateway_id = "gateway-a",
                                                      .claim_id = "c" + std::to_string(key),
                                                      .through = State::kProcessingReady}}};
    }));
    for (int i = 0; i < 20; ++i) advance_all();
  }
  // How many were answered.
  std::size_t advance_all() {
    ++op_;
    return commit(all([this](int key) {
      const State to = op_ % 2 == 1 ? State::kIdle : State::kProcessingReady;
      Operate operate{.gateway_id = "gateway-a", .generation = 1'000 + granted_};
      operate.operations = {{.op = op_, .kind = Operation::Kind::kAdvance, .to = to}};
      return CommandGiven{1, name(key), Command{std::move(operate)}};
    }));
  }

 private:
  static constexpr int kKeys = 16;
  static std::string name(int key) { return "user." + std::to_string(key) + ".of.many:session"; }

  template <class Make>
  static std::vector<Input> all(Make make) {
    std::vector<Input> inputs;
    for (int key = 0; key < kKeys; ++key) inputs.emplace_back(make(key));
    return inputs;
  }
  std::size_t commit(std::vector<Input> inputs) {
    const Moment now{bare_.now_ms, 1'700'000'000'000'000};
    const Outputs asked = bare_.engine.step(std::move(inputs), now);
    const Revision revision = ++last_;
    if (granted_ == 0) granted_ = revision;
    std::vector<Input> done;
    for (const Output& output : asked) {
      const auto* commit = std::get_if<StartCommit>(&output);
      if (commit == nullptr) continue;
      CommitAnswered answered{.commit = commit->commit, .outcomes = {}};
      answered.outcomes.assign(commit->batch.size(), Applied{revision, Position{revision}});
      done.emplace_back(std::move(answered));
    }
    std::size_t answers = 0;
    for (const Output& output : bare_.engine.step(std::move(done), now)) {
      const auto* answered = std::get_if<Answered>(&output);
      const bool good = answered != nullptr && !std::holds_alternative<Refusal>(answered->answer);
      answers += good ? 1 : 0;
    }
    if (answers != kKeys) {
      std::fprintf(stderr, "bench_paths: %zu of %d were done\n", answers, kKeys);
      std::exit(1);
    }
    return answers;
  }

  BareEngine bare_;
  Revision last_ = 1;
  Revision granted_ = 0;
  std::uint64_t op_ = 0;
};

std::map<std::string, Path> paths() {
  const Record record = used();
  const std::string bytes = encode(record);
  v1::Event event;
  event.set_sequence(17);
  event.set_type("agent_thinking");
  event.set_run("run-1");
  event.set_id("run-1/7");
  event.set_payload(R"({"text":"so many words"})");
  return {
      {"claim_fresh", deciding(std::nullopt, claim("claim-1"))},
      {"claim_takeover", deciding(record, claim("claim-2"))},
      {"engine_16", [served = std::make_shared<Served>()] { return served->advance_all(); }},
      {"advance", deciding(record, operate(21, State::kIdle))},
      {"publish", deciding(record, publish(11))},
      {"acknowledge",
       deciding(record, Acknowledge{.gateway_id = kGateway, .generation = kGeneration,
                                    .sequence = 5})},
      {"sweep", deciding(record, Sweep{.seen = kContext.revision}, without_owner())},
      {"encode_record", [record] { return encode(record).size(); }},
      {"decode_record", [bytes] { return decode_record(bytes, kGeneration)->transitions.size(); }},
      {"parse_message",
       [] {
         return parse_client_frame(R"({"type":"message","id":"m-1","data":{"text":"hello"}})")
             .index();
       }},
      {"parse_ack", [] { return parse_client_frame(R"({"type":"ack","seq":17})").index(); }},
      {"event_frame", [event] { return event_frame(event).size(); }},
  };
}

}  // namespace

// Named for callgrind's --toggle-collect.
extern "C" [[gnu::noinline]] void bench_paths_repeat(const Path& path) {
  for (int i = 0; i < kTimes; ++i) sink = path();
}

int run(int argc, char** argv) {
  const std::map<std::string, Path> all = paths();
  if (argc < 2) {
    for (const auto& [name, path] : all) std::printf("%s %d\n", name.c_str(), kTimes);
    return 0;
  }
  const auto found = all.find(argv[1]);
  if (argc > 2 || found == all.end()) {
    std::fprintf(stderr, "bench_paths: the name of one path, or nothing\n");
    return 2;
  }
  bench_paths_repeat(found->second);
  return 0;
}

}  // namespace interlock::bench

int main(int argc, char** argv) { return interlock::bench::run(argc, argv); }
