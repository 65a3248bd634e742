#include "tests/coordinator/engine/engine_world.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "coordinator/engine/record_codec.h"

namespace interlock {
namespace {

constexpr std::uint64_t kEventsMax = 4'000'000;  // of one run(); more of them is a busy loop

}  // namespace

void VirtualTime::later(std::uint64_t delay_ms, std::function<void()> work) {
  work_.emplace(std::pair(now_ms_ + delay_ms, given_++), std::move(work));
}

bool VirtualTime::run_one(std::uint64_t until_ms) {
  if (work_.empty() || work_.begin()->first.first > until_ms) return false;
  auto next = work_.extract(work_.begin());
  now_ms_ = next.key().first;
  next.mapped()();
  return true;
}

MemoryFaults ScriptedFates::faults() const {
  MemoryFaults faults;
  faults.fate = [next = next_](const Entry& entry) {
    if (!connection_key_of(entry.key) || next->empty()) return Fate{};
    const Fate fate = next->front();
    next->pop_front();
    return fate;
  };
  return faults;
}

namespace {

EngineWorld::Setup prepared(EngineWorld::Setup setup) {
  if (setup.limits_on) return setup;
  setup.limits.takeovers_per_minute_max = 0;
  setup.limits.authority.sessions_per_subject_max = 0;
  setup.limits.final_records_per_subject_max = 0;
  return setup;
}

}  // namespace

EngineWorld::EngineWorld(Setup setup)
    : setup_(prepared(std::move(setup))), random_(setup_.seed), nodes_(setup_.coordinators) {
  if (!setup_.new_store) fill_store();
  for (std::size_t i = 0; i < nodes_.size(); ++i) start(i);
}

void EngineWorld::fill_store() {
  constexpr Tick never_overdue = 1'000'000'000;
  Batch batch{{.key = std::string(kBaseKey), .record = encode_base(1'700'000'000'000'000)}};
  for (const std::string& gateway : setup_.gateways) {
    batch.push_back({.key = lease_key(gateway),
                     .record = encode(Lease{.renewed_tick = never_overdue})});
  }
  world_->apply(batch);
}

void EngineWorld::note_sent(std::size_t coordinator, const Batch& batch) {
  Sent sent{coordinator, batch, now_ms()};
  std::erase_if(sent.batch, [](const Entry& entry) {
    return entry.key == kTickKey || gateway_id_of(entry.key);
  });
  if (!sent.batch.empty()) commits.push_back(std::move(sent));
}

EngineWorld::~EngineWorld() {
  for (const std::string& sentence : wrong) ADD_FAILURE() << sentence;
  for (const std::string& reason : fatal) ADD_FAILURE() << "Fatal: " << reason;
}

void EngineWorld::start(std::size_t coordinator) {
  Node& node = nodes_[coordinator];
  ++node.incarnation;
  node.store = std::make_unique<MemoryStore>(
      world_,
      [this](std::uint64_t delay_ms, std::function<void()> work) {
        time.later(delay_ms, std::move(work));
      },
      setup_.faults);
  node.engine = std::make_unique<Engine>(
      setup_.limits, StoreTraits{node.store->limits(), node.store->single_writer()},
      [this] { return static_cast<double>(below(1'000'000)) / 1e6; });
  schedule_step(coordinator, 0);
}

void EngineWorld::crash(std::size_t coordinator) {
  Node& node = nodes_[coordinator];
  const std::uint64_t incarnation = node.incarnation;
  node = Node{};
  node.incarnation = incarnation + 1;
}

// ---- in ----

Ticket EngineWorld::ask(std::size_t coordinator, const std::string& key, Command command) {
  const Ticket ticket = ++last_id_;
  give(coordinator, CommandGiven{ticket, key, std::move(command)});
  return ticket;
}

void EngineWorld::tell(std::size_t coordinator, const std::string& key, Command command) {
  give(coordinator, CommandGiven{0, key, std::move(command)});
}

StreamId EngineWorld::open_stream(std::size_t coordinator, const std::string& gateway,
                                  std::uint64_t credit_bytes) {
  const StreamId stream = ++last_id_;
  give(coordinator, StreamOpened{
                        .stream = stream, .gateway_id = gateway, .credit_bytes = credit_bytes});
  return stream;
}

StreamId EngineWorld::attach(std::size_t coordinator, const std::string& gateway,
                             std::uint64_t credit_bytes) {
  const StreamId stream = open_stream(coordinator, gateway, credit_bytes);
  give(coordinator, StreamListed{.stream = stream, .held = {}, .pending_claims = {}, .end = true});
  run();
  return stream;
}

WatcherId EngineWorld::watch(std::size_t coordinator, const std::string& key) {
  const WatcherId watcher = ++last_id_;
  give(coordinator, WatchOpened{.watcher = watcher, .key = key});
  return watcher;
}

Generation EngineWorld::grant(std::size_t coordinator, const std::string& key,
                              const std::string& gateway, State through) {
  const Claim claim{.subject = "alice",
                    .gateway_id = gateway,
                    .claim_id = "claim " + std::to_string(last_id_ + 1),
                    .through = through};
  return expect<Granted>(ask(coordinator, key, claim)).generation;
}

void EngineWorld::give(std::size_t coordinator, Input input) {
  Node& node = nodes_[coordinator];
  if (node.engine == nullptr) return;
  const auto* command = std::get_if<CommandGiven>(&input);
  if (setup_.keep_trace && command != nullptr) {
    trace += std::to_string(now_ms()) + " " + std::to_string(coordinator) + " ask " +
             std::to_string(command->ticket) + " " + command->key + " " +
             describe(command->command) + "\n";
  }
  node.inbox.push_back(std::move(input));
  if (node.step_scheduled) return;
  schedule_step(coordinator, setup_.step_lag_ms ? setup_.step_lag_ms() : 0);
}

void EngineWorld::schedule_step(std::size_t coordinator, std::uint64_t delay_ms) {
  nodes_[coordinator].step_scheduled = true;
  time.later(delay_ms, [this, coordinator, incarnation = nodes_[coordinator].incarnation] {
    Node& node = nodes_[coordinator];
    if (node.engine != nullptr && node.incarnation == incarnation) step(coordinator);
  });
}

void EngineWorld::run(std::uint64_t for_ms) {
  const std::uint64_t until_ms = time.now_ms() + for_ms;
  for (std::uint64_t events = 0; time.run_one(until_ms); ++events) {
    if (events < kEventsMax) continue;
    wrong.emplace_back("The engines do not come to rest.");
    return;
  }
  time.pass_to(until_ms);
}

// ---- a step, and out ----

struct EngineWorld::Carry {
  EngineWorld& world;
  std::size_t coordinator;

  Node& node() const { return world.nodes_[coordinator]; }
  // Brings back what the store says, unless the coordinator has crashed meanwhile.
  auto back() const {
    return [w = &world, c = coordinator, incarnation = node().incarnation](Input input) {
      if (w->nodes_[c].incarnation == incarnation) w->give(c, std::move(input));
    };
  }

  void operator()(StartLoad) const {
    node().store->load(
        {.chunk = [back = back()](std::vector<LoadedRecord> chunk) {
           back(RecordsLoaded{std::move(chunk)});
         },
         .done = [back = back()](absl::StatusOr<Position> position) {
           back(LoadEnded{std::move(position)});
         }});
  }
  void operator()(StartWatch watch) const {
    node().store->watch(
        watch.from, {.changes = [back = back()](std::vector<Change> changes, Position through) {
                       back(FeedChanged{std::move(changes), through});
                     },
                     .resync = [back = back()](absl::Status reason) {
                       back(FeedLost{std::move(reason)});
                     }});
  }
  void operator()(StartCommit commit) const { world.commit(coordinator, std::move(commit)); }
  void operator()(StartRead read) const {
    node().store->read(
        std::move(read.requests),
        [back = back(),
         id = read.read](absl::StatusOr<std::vector<std::vector<Attachment>>> result) {
          back(ReadAnswered{id, std::move(result)});
        });
  }
  void operator()(Answered answered) const {
    if (answered.ticket == 0) {
      world.wrong.emplace_back("An answer for nobody: " + describe(answered.answer));
      return;
    }
    const Given given{coordinator,      answered.ticket,   answered.key,
                      answered.answer,  answered.revision, world.now_ms()};
    world.answers[answered.ticket].push_back(given);
    if (world.answers[answered.ticket].size() > 1) {
      world.wrong.emplace_back("Ticket " + std::to_string(answered.ticket) + " answered twice.");
    }
    if (world.on_answer) world.on_answer(given);
  }
  void operator()(Scanned scanned) const { world.scans.push_back(std::move(scanned)); }
  void operator()(Observed observed) const { world.observed.push_back(std::move(observed)); }
  void operator()(Explained explained) const {
    world.explained.push_back(std::move(explained));
  }
  void operator()(GatewaysSeen seen) const { world.gateways_seen.push_back(std::move(seen)); }
  void operator()(Watched watched) const { world.watched.push_back(std::move(watched)); }
  void operator()(Notified notified) const {
    const Heard heard{coordinator, notified.stream, std::move(notified.notice), world.now_ms()};
    world.notices.push_back(heard);
    if (world.on_notice) world.on_notice(heard);
  }
  void operator()(Happened what) const { world.happened.push_back(std::move(what)); }
  void operator()(RunOver what) const { world.runs_over.push_back(std::move(what)); }
  void operator()(ClosedGivenUp what) const { world.given_up.push_back(std::move(what)); }
  void operator()(OutboxSeen seen) const { world.outboxes.push_back(std::move(seen)); }
  void operator()(Published) const {}
  void operator()(FeedSeen) const {}
  void operator()(Committed) const {}
  void operator()(Fatal reason) const { world.fatal.push_back(std::move(reason.reason)); }
};

void EngineWorld::step(std::size_t coordinator) {
  Node& node = nodes_[coordinator];
  node.step_scheduled = false;
  const Moment now{time.now_ms(), static_cast<std::int64_t>(1'700'000'000'000'000 +
                                                            time.now_ms() * 1'000)};
  for (Output& output : node.engine->step(std::exchange(node.inbox, {}), now)) {
    if (setup_.keep_trace) {
      trace += std::to_string(now.steady_ms) + " " + std::to_string(coordinator) + " " +
               describe(output) + "\n";
    }
    std::visit([carry = Carry{*this, coordinator}](auto& what) { carry(std::move(what)); },
               output);
  }
  if (node.engine->more_to_do()) {
    if (!node.step_scheduled) schedule_step(coordinator, 0);
    return;
  }
  const auto wake_at = node.engine->wake_at_ms();
  if (!wake_at || (node.wake_at_ms > time.now_ms() && node.wake_at_ms <= *wake_at)) return;
  node.wake_at_ms = std::max(*wake_at, time.now_ms() + (*wake_at <= time.now_ms() ? 1 : 0));
  if (*wake_at <= time.now_ms()) wrong.emplace_back("The engine wants to be woken in the past.");
  time.later(node.wake_at_ms - time.now_ms(),
             [this, coordinator, incarnation = node.incarnation, at_ms = node.wake_at_ms] {
               Node& later = nodes_[coordinator];
               if (later.engine == nullptr || later.incarnation != incarnation) return;
               if (later.wake_at_ms == at_ms) later.wake_at_ms = 0;
               if (!later.step_scheduled) schedule_step(coordinator, 0);
             });
}

void EngineWorld::commit(std::size_t coordinator, StartCommit what) {
  Node& node = nodes_[coordinator];
  if (const absl::Status checked = check_batch(what.batch, setup_.faults.limits); !checked.ok()) {
    wrong.emplace_back(std::string(checked.message()));
  }
  std::vector<std::string> keys;
  for (const Entry& entry : what.batch) {
    keys.push_back(entry.key);
    if (!node.keys_under_way.insert(entry.key).second) {
      wrong.push_back("Two commits are under way for " + entry.key);
    }
  }
  note_sent(coordinator, what.batch);
  const auto started_ms = now_ms();
  node.store->commit(
      std::move(what.batch),
      [this, coordinator, keys, id = what.commit, started_ms,
       incarnation = node.incarnation](std::vector<Outcome> outcomes) {
        if (nodes_[coordinator].incarnation != incarnation) return;
        for (const std::string& key : keys) nodes_[coordinator].keys_under_way.erase(key);
        give(coordinator,
             CommitAnswered{id, std::move(outcomes), (now_ms() - started_ms) * 1'000});
      });
}

// ---- looking ----

std::vector<Sequence> EngineWorld::delivered(StreamId stream, const std::string& key) const {
  std::vector<Sequence> sequences;
  for (const auto& events : heard<EventsDelivered>(stream)) {
    if (events.key != key) continue;
    for (const OutboxEvent& event : events.events) sequences.push_back(event.sequence);
  }
  return sequences;
}

std::uint64_t EngineWorld::base() const {
  const auto found = world_->records().find(std::string(kBaseKey));
  return found == world_->records().end() ? 0 : decode_base(found->second.now.bytes).value_or(0);
}

std::optional<Record> EngineWorld::record(const std::string& key) const {
  const auto found = world_->records().find(store_key(key));
  if (found == world_->records().end()) return std::nullopt;
  const Versioned& now = found->second.now;
  absl::StatusOr<Record> decoded = decode_record(now.bytes, base() + now.revision);
  if (!decoded.ok()) return std::nullopt;
  return *std::move(decoded);
}

std::vector<std::uint64_t> EngineWorld::attachments(const std::string& key) const {
  std::vector<std::uint64_t> numbers;
  const auto found = world_->records().find(store_key(key));
  if (found == world_->records().end()) return numbers;
  for (const auto& [number, bytes] : found->second.attachments) numbers.push_back(number);
  return numbers;
}

void fail_unanswered(Ticket ticket) { ADD_FAILURE() << "Ticket " << ticket << " has no answer."; }
void fail_kind(Ticket ticket, const Answer& answer) {
  ADD_FAILURE() << "Ticket " << ticket << " was answered " << describe(answer);
}

}  // namespace interlock
