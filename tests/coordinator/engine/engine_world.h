// Engines over one memory world, with a virtual clock and nothing left to chance: whatever an
// engine gives out is carried out here, and whatever comes back is brought in again.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/engine/engine.h"
#include "coordinator/store/memory_store.h"

namespace interlock {

// Work for the same moment runs in the order in which it was given.
class VirtualTime {
 public:
  std::uint64_t now_ms() const { return now_ms_; }
  void later(std::uint64_t delay_ms, std::function<void()> work);
  // False: nothing is due up to then.
  bool run_one(std::uint64_t until_ms);
  void pass_to(std::uint64_t at_ms) { now_ms_ = std::max(now_ms_, at_ms); }

 private:
  std::uint64_t now_ms_ = 1'000;
  std::uint64_t given_ = 0;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::function<void()>> work_;
};

// How the next commits of connections end, in their order; later ones are answered.
class ScriptedFates {
 public:
  void next(Fate fate) { *next_ = {fate}; }
  void next(std::deque<Fate> fates) { *next_ = std::move(fates); }
  MemoryFaults faults() const;

 private:
  std::shared_ptr<std::deque<Fate>> next_ = std::make_shared<std::deque<Fate>>();
};

class EngineWorld {
 public:
  struct Setup {
    std::size_t coordinators = 1;
    std::uint64_t seed = 1;
    EngineLimits limits;
    MemoryFaults faults;  // of every store
    std::function<std::uint64_t()> step_lag_ms;  // from an input to its step
    bool keep_trace = false;
    bool limits_on = false;  // otherwise no subject is capped and no takeover damped
    // Unless the store is a new one, it has its base, and these gateways have leases for ever.
    bool new_store = false;
    std::vector<std::string> gateways{"gateway-a", "gateway-b", "gateway-new", "gateway-old"};
  };
  struct Given {  // an answer
    std::size_t coordinator = 0;
    Ticket ticket = 0;
    std::string key;
    Answer answer;
    Revision revision = 0;
    std::uint64_t at_ms = 0;
  };
  struct Heard {
    std::size_t coordinator = 0;
    StreamId stream = 0;
    Notice notice;
    std::uint64_t at_ms = 0;
  };
  struct Sent {  // a commit, without what it says of ticks and leases
    std::size_t coordinator = 0;
    Batch batch;
    std::uint64_t at_ms = 0;
  };

  EngineWorld() : EngineWorld(Setup{}) {}
  explicit EngineWorld(Setup setup);
  ~EngineWorld();  // fails the test when `wrong` is not empty

  // ---- what tests do ----
  Ticket ask(std::size_t coordinator, const std::string& key, Command command);
  void tell(std::size_t coordinator, const std::string& key, Command command);  // no ticket
  StreamId open_stream(std::size_t coordinator, const std::string& gateway,
                       std::uint64_t credit_bytes = 1024 * 1024);
  // A stream whose list is empty.
  StreamId attach(std::size_t coordinator, const std::string& gateway,
                  std::uint64_t credit_bytes = 1024 * 1024);
  WatcherId watch(std::size_t coordinator, const std::string& key = {});
  void give(std::size_t coordinator, Input input);
  // Runs whatever is due within so many ms.
  void run(std::uint64_t for_ms = 0);
  void crash(std::size_t coordinator);
  void start(std::size_t coordinator);

  // Attached gateways and owned connections in one breath; both run().
  Generation grant(std::size_t coordinator, const std::string& key, const std::string& gateway,
                   State through = State::kConnecting);
  template <class Expected>
  Expected expect(Ticket ticket);  // waits a second at most; fails when it is of another kind
  template <class Kind>
  Kind expect_refusal(Ticket ticket);

  // ---- what they look at ----
  bool answered(Ticket ticket) const { return answers.contains(ticket); }
  template <class Kind>
  std::vector<Kind> heard(StreamId stream) const;
  std::vector<Sequence> delivered(StreamId stream, const std::string& key) const;
  Engine& engine(std::size_t coordinator) { return *nodes_[coordinator].engine; }
  MemoryStore& store(std::size_t coordinator) { return *nodes_[coordinator].store; }
  bool alive(std::size_t coordinator) const { return nodes_[coordinator].engine != nullptr; }
  MemoryWorld& truth() { return *world_; }
  std::uint64_t base() const;
  std::optional<Record> record(const std::string& key) const;  // as it is in the store
  std::vector<std::uint64_t> attachments(const std::string& key) const;
  std::uint64_t now_ms() const { return time.now_ms(); }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  VirtualTime time;
  std::map<Ticket, std::vector<Given>> answers;
  std::vector<Heard> notices;
  std::vector<Sent> commits;
  std::vector<Happened> happened;
  std::vector<RunOver> runs_over;
  std::vector<ClosedGivenUp> given_up;
  std::vector<OutboxSeen> outboxes;
  std::vector<Watched> watched;
  std::vector<Scanned> scans;
  std::vector<Observed> observed;
  std::vector<Explained> explained;
  std::vector<GatewaysSeen> gateways_seen;
  std::vector<std::string> fatal;
  std::vector<std::string> wrong;  // rules of the interface that were broken
  std::string trace;               // every command and every output, when it is kept
  std::function<void(const Given&)> on_answer;
  std::function<void(const Heard&)> on_notice;

 private:
  struct Node {
    std::unique_ptr<Engine> engine;
    std::unique_ptr<MemoryStore> store;
    std::vector<Input> inbox;
    bool step_scheduled = false;
    std::uint64_t wake_at_ms = 0;  // the earliest that is scheduled; 0: none
    std::uint64_t incarnation = 0;
    std::set<std::string> keys_under_way;
  };
  struct Carry;

  void fill_store();
  void note_sent(std::size_t coordinator, const Batch& batch);
  void schedule_step(std::size_t coordinator, std::uint64_t delay_ms);
  void step(std::size_t coordinator);
  void commit(std::size_t coordinator, StartCommit what);

  const Setup setup_;
  std::mt19937_64 random_;
  std::shared_ptr<MemoryWorld> world_ = std::make_shared<MemoryWorld>();
  std::vector<Node> nodes_;
  std::uint64_t last_id_ = 0;
};

// What an engine gave out, in a line; the same for the same output.
std::string describe(const Output& output);
std::string describe(const Command& command);
std::string describe(const Answer& answer);

void fail_unanswered(Ticket ticket);
void fail_kind(Ticket ticket, const Answer& answer);

template <class Expected>
Expected EngineWorld::expect(Ticket ticket) {
  run();
  for (int ms = 0; ms < 1'000 && !answered(ticket); ++ms) run(1);
  const auto given = answers.find(ticket);
  if (given == answers.end()) return fail_unanswered(ticket), Expected{};
  const auto* answer = std::get_if<Expected>(&given->second.front().answer);
  if (answer == nullptr) return fail_kind(ticket, given->second.front().answer), Expected{};
  return *answer;
}

template <class Kind>
Kind EngineWorld::expect_refusal(Ticket ticket) {
  const Refusal refusal = expect<Refusal>(ticket);
  const auto* kind = std::get_if<Kind>(&refusal);
  if (kind == nullptr) return fail_kind(ticket, refusal), Kind{};
  return *kind;
}

template <class Kind>
std::vector<Kind> EngineWorld::heard(StreamId stream) const {
  std::vector<Kind> kinds;
  for (const Heard& one : notices) {
    const auto* kind = std::get_if<Kind>(&one.notice);
    if (one.stream == stream && kind != nullptr) kinds.push_back(*kind);
  }
  return kinds;
}

}  // namespace interlock
