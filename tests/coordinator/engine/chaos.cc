#include "tests/coordinator/engine/chaos.h"

#include <algorithm>
#include <set>

#include "coordinator/engine/record_codec.h"
#include "fmt/format.h"
#include "tests/coordinator/engine/asking.h"

namespace interlock {

namespace {

struct KindOf {
  std::string operator()(const ListAnswered& listed) const {
    return listed.answer.index() == 0 ? "kept" : listed.answer.index() == 1 ? "listed_superseded"
                                                                             : "listed_released";
  }
  std::string operator()(const ListEnded&) const { return "list_ended"; }
  std::string operator()(const Superseded&) const { return "superseded"; }
  std::string operator()(const Released&) const { return "released"; }
  std::string operator()(const StateMoved&) const { return "state_moved"; }
  std::string operator()(const HeartbeatConfirmed&) const { return "heartbeat"; }
  std::string operator()(const StoreIsAway&) const { return "store_away"; }
  std::string operator()(const AttachAgain&) const { return "attach_again"; }
  std::string operator()(const LeaseExpired&) const { return "lease_expired"; }
  std::string operator()(const GatewayToDrain&) const { return "gateway_to_drain"; }
  std::string operator()(const ClosedToTell&) const { return "closed_to_tell"; }
  std::string operator()(const EventsDelivered&) const { return "events"; }
};
std::string kind_of(const Notice& notice) { return std::visit(KindOf{}, notice); }

}  // namespace

// ---- publishers ----

void ChaosPublisher::act() {
  if (!outstanding_ || chaos_.world->now_ms() > asked_ms_ + 300) ask();
}

void ChaosPublisher::ask() {
  outstanding_ = true;
  asked_ms_ = chaos_.world->now_ms();
  const std::string run = name_ + "-" + std::to_string(run_);
  const char* type = number_ == 1 ? "agent_started" : number_ == 4 ? "agent_completed" : "step";
  Publish event = run_event(run, number_, type);
  event.payload = '"' + std::string(chaos_.world->below(200), 'x') + '"';
  chaos_.check->ask(chaos_.some_coordinator(), key_, std::move(event),
                    [this, run, number = number_](const Answer& answer) {
                      answered(number, run, answer);
                    });
}

void ChaosPublisher::answered(std::uint64_t number, const std::string& run,
                              const Answer& answer) {
  if (run != name_ + "-" + std::to_string(run_) || number != number_) return;  // of an earlier try
  outstanding_ = false;
  const auto* refusal = std::get_if<Refusal>(&answer);
  if (std::holds_alternative<Receipt>(answer)) {
    if (number_++ == 4) ++run_, number_ = 1;
  } else if (refusal != nullptr) {
    if (const auto* order = std::get_if<OutOfOrder>(refusal)) number_ = order->last_number + 1;
    if (const auto* known = std::get_if<AlreadyAccepted>(refusal)) {
      number_ = known->last_number + 1;
    }
    if (std::holds_alternative<UnknownRun>(*refusal) || number_ > 4) ++run_, number_ = 1;
  }
}

// ---- the world ----

Chaos::Chaos(Setup setup) : setup_(setup) {
  EngineWorld::Setup world_setup{.coordinators = setup.coordinators, .seed = setup.seed};
  world_setup.limits.authority.outbox_events_max = 60;
  world_setup.limits.recent_events_bytes_max = 4'000;
  world_setup.limits.delivery_events_max = 5;
  world_setup.limits.acknowledge_within_ms = 200;
  world_setup.limits.waiting_per_key_max = 64;
  world_setup.limits.commands_per_write_max = setup.commands_per_write;
  world_setup.faults = memory_faults();
  world_setup.step_lag_ms = [this] { return calm_ || chance(2) ? 0 : world->below(4); };
  world_setup.keep_trace = setup.keep_trace;
  world = std::make_unique<EngineWorld>(std::move(world_setup));
  ledger = std::make_unique<Ledger>(world->truth(), [this] { return world->now_ms(); });
  check = std::make_unique<AnswerCheck>(*world, *ledger, setup.commands_per_write > 1);
  down_until_ms_.resize(setup.coordinators);
  away_until_ms_.resize(setup.coordinators);
  for (int i = 0; i < 3; ++i) keys_.push_back("alice:" + std::to_string(i));
  for (int i = 0; i < 3; ++i) {
    gateways_.push_back(std::make_unique<ChaosGateway>(*this, "gateway-" + std::to_string(i)));
  }
  for (const std::string& key : keys_) {
    for (int i = 0; i < 2; ++i) {
      publishers_.push_back(
          std::make_unique<ChaosPublisher>(*this, key, "run" + std::to_string(i)));
    }
  }
  world->on_notice = [this](const EngineWorld::Heard& heard) {
    ++notices[kind_of(heard.notice)];
    for (const auto& gateway : gateways_) {
      if (gateway->stream() == heard.stream) gateway->hear(heard.notice);
    }
  };
}

MemoryFaults Chaos::memory_faults() {
  MemoryFaults faults;
  faults.fate = [this](const Entry& entry) { return fate(entry); };
  const auto lag_ms = [this] { return calm_ || chance(3) ? 0 : world->below(30); };
  faults.read_lag_ms = lag_ms;
  faults.feed_lag_ms = lag_ms;
  // Decides which states are left out and which reads are cut short.
  faults.random = [this]() -> std::uint64_t {
    if (calm_) return 1;
    ++this->faults["skip_or_short_read"];
    return world->below(1'000);
  };
  faults.skip_states = true;
  faults.short_reads = true;
  return faults;
}

Fate Chaos::fate(const Entry&) {
  if (calm_) return {};
  Fate fate{.apply_after_ms = world->below(6), .answer_after_ms = world->below(10),
            .land_after_ms = world->below(200)};
  switch (world->below(30)) {
    case 0: fate.ending = Ending::kFailed, ++faults["failed"]; break;
    case 1: fate.ending = Ending::kUnknownApplied, ++faults["unknown_landed"]; break;
    case 2: fate.ending = Ending::kUnknownLost, ++faults["unknown_lost"]; break;
    case 3: fate.ending = Ending::kUnknownLate, ++faults["unknown_late"]; break;
    default: break;
  }
  return fate;
}

std::size_t Chaos::some_coordinator() {
  const std::size_t first = world->below(setup_.coordinators);
  for (std::size_t i = 0; i < setup_.coordinators; ++i) {
    const std::size_t one = (first + i) % setup_.coordinators;
    if (world->alive(one)) return one;
  }
  return first;
}

void Chaos::said(const std::string& key, Generation since, Sequence sequence) {
  Sequence& last = said_[{key, since}];
  last = std::max(last, sequence);
}

void Chaos::crash(std::size_t coordinator) {
  ++faults["crash"];
  world->crash(coordinator);
  check->crashed(coordinator);
  down_until_ms_[coordinator] = world->now_ms() + world->below(100);
  for (const auto& gateway : gateways_) {
    if (gateway->coordinator() == coordinator) gateway->cut();
  }
}

void Chaos::disturb() {
  const std::size_t one = world->below(setup_.coordinators);
  if (!world->alive(one)) return;
  if (chance(400)) return crash(one);
  if (chance(150)) ++faults["stream_cut"], gateways_[world->below(gateways_.size())]->cut();
  if (chance(300)) ++faults["feed_lost"], world->store(one).lose_feed("for the test");
  if (chance(400)) ++faults["positions_forgotten"], world->truth().forget_feed();
  if (away_until_ms_[one] == 0 && chance(400)) {
    const bool unknown = chance(2);
    ++faults[unknown ? "away_unknown" : "away_failed"];
    world->store(one).set_away(unknown ? Away::kUnknown : Away::kFailed);
    away_until_ms_[one] = world->now_ms() + 20 + world->below(300);
  }
}

void Chaos::one_ms() {
  world->run(1);
  for (std::size_t i = 0; i < setup_.coordinators; ++i) {
    if (!world->alive(i) && world->now_ms() >= down_until_ms_[i]) world->start(i);
    if (away_until_ms_[i] != 0 && (calm_ || world->now_ms() >= away_until_ms_[i])) {
      if (world->alive(i)) world->store(i).set_away(Away::kNo);
      away_until_ms_[i] = 0;
    }
  }
  if (!calm_) disturb();
  for (const auto& gateway : gateways_) {
    if (chance(20)) gateway->repeat();
    if (calm_) continue;
    if (chance(25)) gateway->claim_something();
    if (chance(4)) gateway->do_something();
  }
  for (const auto& publisher : publishers_) {
    if (chance(10) && (!calm_ || !publisher->idle())) publisher->act();
  }
  if (calm_ || !chance(10)) return;
  const std::string key = some_key();
  check->ask(some_coordinator(), key, Lookup{});
  const auto record = world->record(key);
  if (record && is_final(record->state) && chance(4)) {
    check->ask(some_coordinator(), key, Forget{record->generation});
  }
}

void Chaos::run() {
  while (world->now_ms() < 1'000 + setup_.for_ms) one_ms();
  heal();
  verify();
}

// Everybody asks until it is answered; then each gateway attaches once more, since what was granted
// to nobody is only found by a list.
void Chaos::heal() {
  calm_ = true;
  const auto settled = [this] {
    return check->unanswered() == 0 &&
           std::all_of(gateways_.begin(), gateways_.end(),
                       [](const auto& gateway) { return gateway->idle(); }) &&
           std::all_of(publishers_.begin(), publishers_.end(),
                       [](const auto& publisher) { return publisher->idle(); });
  };
  for (int round = 0; round < 2; ++round) {
    for (int ms = 0; ms < 600; ++ms) one_ms();
    for (int ms = 0; ms < 8'000 && !settled(); ++ms) one_ms();
    if (!settled()) wrong.push_back(fmt::format("{} tickets are unanswered", check->unanswered()));
    for (const auto& gateway : gateways_) gateway->check(wrong);
    if (round > 0) return;
    for (const auto& gateway : gateways_) gateway->cut();
  }
}

void Chaos::verify() {
  check->check_dead_claims();
  verify_replicas();
  verify_acknowledgements();
  std::set<std::tuple<std::string, Generation, std::string>> ids;
  for (const Ledger::Event& one : ledger->events()) {
    if (!ids.emplace(one.key, one.since, one.event.id).second) {
      wrong.push_back(fmt::format("{} is published twice on {}", one.event.id, one.key));
    }
  }
  for (const std::string& key : keys_) {
    const auto record = world->record(key);
    if (!record || record->owner.empty()) continue;
    const bool held = std::any_of(gateways_.begin(), gateways_.end(), [&](const auto& gateway) {
      return gateway->id() == record->owner && gateway->holds(key, record->generation);
    });
    if (!held) wrong.push_back(key + " belongs to a gateway that does not hold it");
  }
  for (const auto* sentences : {&ledger->wrong, &check->wrong}) {
    wrong.insert(wrong.end(), sentences->begin(), sentences->end());
  }
}

// Every memory shows what is durable, and nothing is left over of what was asked.
void Chaos::verify_replicas() {
  for (std::size_t i = 0; i < setup_.coordinators; ++i) {
    Engine& engine = world->engine(i);
    if (engine.keys_at_work() != 0 || engine.waiting_commands() != 0) {
      wrong.push_back(fmt::format("coordinator {} keeps {} keys and {} commands", i,
                                  engine.keys_at_work(), engine.waiting_commands()));
    }
    if (engine.store_away()) wrong.push_back("a store that is there is said to be away");
    for (const std::string& key : keys_) {
      const RecordRef known = engine.replica().record(store_key(key));
      if ((known ? std::optional(*known) : std::nullopt) != world->record(key)) {
        wrong.push_back(fmt::format("coordinator {} does not know {} as it is", i, key));
      }
    }
  }
}

void Chaos::verify_acknowledgements() {
  for (const std::string& key : ledger->keys()) {
    for (const Ledger::Written& written : ledger->of(key)) {
      if (!written.record) continue;
      const Record& record = *written.record;
      if (record.acknowledged > said_[{key, record.sequence_since}]) {
        wrong.push_back(fmt::format("{} is acknowledged up to {}, which nobody said", key,
                                    record.acknowledged));
      }
    }
  }
}

}  // namespace interlock
