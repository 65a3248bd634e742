#include "tests/simulation/coordinator.h"

#include <array>

#include "coordinator/engine/record_codec.h"

namespace interlock::sim {
namespace {

// A tick counts as old after three seconds, on the slowest clock that there is; on the fastest one
// so many have passed by then.
constexpr Tick kStampsBehind = 13;

}  // namespace

Coordinator::Coordinator(Run& run, std::size_t number, std::shared_ptr<MemoryWorld> world,
                         const Truth& truth, const Leases& leases, Answers& answers, Out out)
    : Process(run),
      number_(number),
      world_(std::move(world)),
      truth_(truth),
      leases_(leases),
      answers_(answers),
      out_(std::move(out)),
      last_id_(number << 40) {}

EngineLimits Coordinator::engine_limits() const {
  EngineLimits limits;
  limits.authority.outbox_events_max = run_.swarm.outbox_events_max;
  limits.recent_events_bytes_max = 4'000;
  limits.delivery_events_max = 5;
  limits.acknowledge_within_ms = 500;
  limits.leases.ttl_ticks = run_.swarm.lease_ttl_ticks;
  limits.authority.deadlines.resume_window_ticks = run_.swarm.resume_window_ticks;
  limits.closed_again_after_ms = 4'000;
  limits.closed_others_after_ms = 1'500;
  limits.authority.deadlines.setup_ticks = run_.swarm.setup_timeout_ticks;
  limits.authority.deadlines.retention_ticks = run_.swarm.retention_ticks;
  limits.takeovers_per_minute_max = run_.swarm.takeovers_per_minute;
  // All of them, hardly any, none: it must not make a difference.
  constexpr std::array<std::size_t, 3> kDecoded = {4'096, 2, 0};
  limits.decoded_records_max = kDecoded[(run_.seed + number_) % kDecoded.size()];
  // More than ever wait together, or some of them, or each for itself.
  constexpr std::array<std::size_t, 3> kKeys = {256, 3, 1};
  limits.commit_keys_max = kKeys[(run_.seed / kDecoded.size() + number_) % kKeys.size()];
  return limits;
}

void Coordinator::start() {
  born();
  run_.line("coordinator {} starts, clock at {}/1000", number_, clock().rate_per_mille());
  store_ = std::make_unique<MemoryStore>(
      world_,
      [this](std::uint64_t delay_ms, std::function<void()> work) {
        run_.time.after(delay_ms * 1'000, std::move(work));
      },
      memory_faults());
  store_->set_away(away_);
  engine_ = std::make_unique<Engine>(engine_limits(),
                                     StoreTraits{store_->limits(), store_->single_writer()},
                                     [this] { return run_.dice.unit(); });
  step();
}

void Coordinator::crash() {
  if (!alive()) return;
  run_.line("coordinator {} crashes", number_);
  died();
  answers_.crashed(number_);
  engine_.reset();
  store_.reset();
  inbox_.clear();
  links_.clear();
  link_of_.clear();
  waits_.clear();
  step_due_ = false;
  wake_at_ = 0;
}

void Coordinator::drain() {
  run_.line("coordinator {} drains", number_);
  for (auto& [id, link] : links_) {
    link.urgent.mutable_drain()->set_within_ms(500);
    link.says = true;
  }
  say_all();
}

void Coordinator::set_away(Away away) {
  away_ = away;
  run_.line("coordinator {}: the store is {}", number_,
            away == Away::kNo ? "there" : away == Away::kFailed ? "away" : "silent");
  if (store_) store_->set_away(away);
}

void Coordinator::look() {
  wake_at_ = 0;
  if (alive()) reach(incarnation(), [this] { if (!step_due_) step(); });
}

// ---- the store's ways to disappoint ----

MemoryFaults Coordinator::memory_faults() {
  MemoryFaults faults;
  const auto lag_ms = [this]() -> std::uint64_t {
    return run_.happens(Fault::kFeedLag) ? run_.dice.spread(1, 2'000) : 0;
  };
  faults.fate = [this](const Entry&) { return fate(); };
  faults.read_lag_ms = lag_ms;
  faults.feed_lag_ms = lag_ms;
  // Even: a state is skipped. Divisible by four: a read is cut short.
  faults.random = [this]() -> std::uint64_t {
    const bool skip = !run_.calm && run_.dice.chance(run_.swarm.probability(Fault::kStatesSkipped));
    const bool cut = !run_.calm && run_.dice.chance(run_.swarm.probability(Fault::kShortRead));
    return (run_.dice.next() & ~std::uint64_t{3}) | (cut ? 0 : skip ? 2 : 1);
  };
  faults.skipped = [this] { run_.faults.add(Fault::kStatesSkipped); };
  faults.shortened = [this] { run_.faults.add(Fault::kShortRead); };
  faults.skip_states = true;
  faults.short_reads = true;
  return faults;
}

Fate Coordinator::fate() {
  Fate fate{.apply_after_ms = run_.dice.below(3), .answer_after_ms = run_.dice.below(3)};
  if (run_.happens(Fault::kCommitSlow)) {
    fate.apply_after_ms = run_.dice.spread(1, 3'000);
    fate.answer_after_ms = run_.dice.spread(1, 1'000);
  }
  if (run_.happens(Fault::kCommitFailed)) {
    fate.ending = Ending::kFailed;
  } else if (run_.happens(Fault::kUnknownApplied)) {
    fate.ending = Ending::kUnknownApplied;
  } else if (run_.happens(Fault::kUnknownLost)) {
    fate.ending = Ending::kUnknownLost;
  } else if (run_.happens(Fault::kUnknownLate)) {
    fate.ending = Ending::kUnknownLate;
    fate.land_after_ms = run_.dice.spread(1, 10'000);
  }
  return fate;
}

// ---- in ----

void Coordinator::receive(LinkId id, const v1::AttachRequest& request) {
  Link& link = links_[id];
  AttachInputs inputs;
  const std::string wrong = link.reader.take(request, inputs);
  if (!wrong.empty()) {
    run_.wrong("coordinator {} refuses a request: {}", number_, wrong);
    return out_.finish(id);
  }
  if (inputs.hello) {
    link.stream = ++last_id_;
    link_of_[link.stream] = id;
    give(StreamOpened{link.stream, inputs.hello->gateway_id(),
                      inputs.hello->event_credit_bytes(), "simulated",
                      inputs.hello->has_backend()});
    add_hello("simulated", run_.swarm.lease_ttl_ticks * 1'000, run_.swarm.heartbeat_ms,
              link.urgent);
    link.says = true;
  }
  if (inputs.listed) {
    inputs.listed->stream = link.stream;
    give(*std::move(inputs.listed));
  }
  for (const auto& [to, refusal] : inputs.refused) {
    run_.wrong("coordinator {} is asked nonsense about {}", number_, to.key);
  }
  for (AttachCommand& asked : inputs.commands) {
    give_command(asked.key, std::move(asked.command), {id, std::move(asked.answer_to), {}});
  }
  if (inputs.credit_bytes > 0) give(StreamCredit{link.stream, inputs.credit_bytes});
  if (inputs.heartbeat) give(StreamHeartbeat{link.stream, *inputs.heartbeat, inputs.load});
}

void Coordinator::stream_ended(LinkId id) {
  const auto link = links_.find(id);
  if (link == links_.end()) return;
  link_of_.erase(link->second.stream);
  give(StreamClosed{link->second.stream});
  links_.erase(link);
}

void Coordinator::ask(const std::string& key, Command command, Heard heard) {
  give_command(key, std::move(command), {0, {}, std::move(heard)});
}

void Coordinator::give_command(const std::string& key, Command command, Waits waits) {
  Ticket ticket = 0;
  if (waits.heard || waits.to.kind != Addressee::Kind::kNobody) {
    ticket = ++last_id_;
    answers_.asked(number_, ticket, key, command);
    waits_[ticket] = std::move(waits);
  }
  give(CommandGiven{ticket, key, std::move(command)});
}

void Coordinator::give(Input input) {
  inbox_.push_back(std::move(input));
  if (std::exchange(step_due_, true)) return;
  run_.time.after(run_.dice.below(2'000), [this, now = incarnation()] {
    reach(now, [this] { step(); });
  });
}

// ---- a step, and out ----

struct Coordinator::Carry {
  Coordinator& self;

  auto back() const {
    return [w = &self, now = self.incarnation()](Input input) {
      w->reach(now, [w, input = std::move(input)]() mutable { w->give(std::move(input)); });
    };
  }
  void operator()(StartLoad) const {
    self.store_->load({.chunk = [back = back()](std::vector<LoadedRecord> chunk) {
                         back(RecordsLoaded{std::move(chunk)});
                       },
                       .done = [back = back()](absl::StatusOr<Position> position) {
                         back(LoadEnded{std::move(position)});
                       }});
  }
  void operator()(StartWatch watch) const {
    self.store_->watch(watch.from,
                       {.changes = [back = back()](std::vector<Change> changes, Position through) {
                          back(FeedChanged{std::move(changes), through});
                        },
                        .resync = [back = back()](absl::Status reason) {
                          back(FeedLost{std::move(reason)});
                        }});
  }
  void operator()(StartCommit commit) const {
    self.check_commit(commit.batch);
    self.store_->commit(std::move(commit.batch), [back = back(), id = commit.commit](
                                                     std::vector<Outcome> outcomes) {
      back(CommitAnswered{id, std::move(outcomes), 1'000});
    });
  }
  void operator()(StartRead read) const {
    self.store_->read(std::move(read.requests),
                      [back = back(), id = read.read](
                          absl::StatusOr<std::vector<std::vector<Attachment>>> result) {
                        back(ReadAnswered{id, std::move(result)});
                      });
  }
  void operator()(const Answered& answered) const {
    self.run_.line("coordinator {} answers {} {}", self.number_, answered.key,
                   kind_of(answered.answer));
    self.answers_.answered(answered);
    const auto found = self.waits_.find(answered.ticket);
    if (found == self.waits_.end()) return;
    const Waits waits = std::move(found->second);
    self.waits_.erase(found);
    if (waits.heard) waits.heard(answered.answer, answered.revision);
    const auto link = self.links_.find(waits.link);
    if (link == self.links_.end()) return;
    add_answer(waits.to, answered.answer, link->second.urgent);
    link->second.says = true;
  }
  void operator()(const Notified& notified) const {
    const auto id = self.link_of_.find(notified.stream);
    if (id == self.link_of_.end()) return;
    Link& link = self.links_.at(id->second);
    link.says = true;
    if (const auto* delivered = std::get_if<EventsDelivered>(&notified.notice)) {
      link.deliveries.push_back(to_proto(*delivered));
    } else {
      add_notice(notified.notice, link.urgent);
    }
  }
  void operator()(const Fatal& fatal) const {
    self.run_.wrong("coordinator {} cannot go on: {}", self.number_, fatal.reason);
  }
  template <class Other>
  void operator()(const Other&) const {}  // metrics, logs, looks that nobody asks for
};

void Coordinator::step() {
  step_due_ = false;
  const Us now = run_.time.now();
  Outputs outputs = engine_->step(std::exchange(inbox_, {}),
                                  {clock().boot_ms(now), clock().wall_us(now)});
  for (Output& output : outputs) {
    std::visit([carry = Carry{*this}](auto& what) { carry(std::move(what)); }, output);
  }
  say_all();
  wait();
}

void Coordinator::say_all() {
  for (auto& [id, link] : links_) {
    if (!std::exchange(link.says, false)) continue;
    v1::AttachResponse response = std::exchange(link.urgent, {});
    for (v1::Delivery& delivery : std::exchange(link.deliveries, {})) {
      *response.add_deliveries() = std::move(delivery);
    }
    out_.say(id, response);
  }
}

void Coordinator::wait() {
  const auto wake_ms = engine_->wake_at_ms();
  if (!wake_ms && !engine_->more_to_do()) return;
  const Us due = engine_->more_to_do() ? 0 : clock().moment_of(*wake_ms);
  const Us at = std::max(due, run_.time.now() + 1);
  if (wake_at_ != 0 && wake_at_ <= at && wake_at_ > run_.time.now()) return;
  wake_at_ = at;
  run_.time.at(at, [this, at, now = incarnation()] {
    if (now != incarnation() || wake_at_ != at) return;
    look();
  });
}

// No coordinator grants anything to a gateway that it knows to have expired, nor stamps anything
// with a tick that it cannot believe to be the present one.
void Coordinator::check_commit(const Batch& batch) {
  for (const Entry& entry : batch) {
    if (entry.write != Write::kPut) continue;
    if (entry.key.starts_with(kGatewayPrefix)) {
      v1::GatewayRecord lease;
      if (lease.ParseFromString(entry.record) && !lease.expired()) {
        check_stamp(entry, lease.renewed_tick());
      }
    }
    const auto name = connection_key_of(entry.key);
    v1::Record record;
    if (!name || !record.ParseFromString(entry.record)) continue;
    const std::vector<Truth::Written>& written = truth_.of(std::string(*name));
    const bool present = written.empty() || !written.back().record
                             ? entry.expected == kAbsent
                             : entry.expected == written.back().revision;
    const bool stamps = written.empty() || !written.back().record ||
                        written.back().record->changed_tick != record.changed_tick();
    if (present && stamps) check_stamp(entry, record.changed_tick());
    if (record.generation() != 0) continue;
    const Replica::Slot* slot =
        engine_->replica().find(std::string(kGatewayPrefix) + record.owner());
    v1::GatewayRecord lease;
    if (slot != nullptr && slot->present() && lease.ParseFromString(std::string(slot->bytes())) &&
        lease.expired()) {
      run_.wrong("coordinator {} grants {} to a gateway that it knows to have expired", number_,
                 entry.key);
    }
  }
}

void Coordinator::check_stamp(const Entry& entry, Tick stamp) {
  if (stamp + kStampsBehind >= leases_.tick()) return;
  run_.wrong("coordinator {} stamps {} with tick {} at tick {}", number_, entry.key, stamp,
             leases_.tick());
}

}  // namespace interlock::sim
