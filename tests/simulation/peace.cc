// Everything heals, and then everything must come right.
#include <algorithm>

#include "coordinator/engine/record_codec.h"
#include "tests/simulation/caller.h"
#include "tests/simulation/gateway.h"
#include "tests/simulation/page.h"
#include "tests/simulation/publisher.h"
#include "tests/simulation/repeater.h"
#include "tests/simulation/simulation.h"

namespace interlock::sim {

void Simulation::heal() {
  World& world = *world_;
  Run& run = world.run;
  run.calm = true;
  run.line("peace");
  midway_ = nullptr;
  for (const auto& one : world.coordinators) {
    one->set_away(Away::kNo);
    if (!one->alive()) one->start();
    one->clock().set_rate(run.time.now(), 1'000);
    one->resume();
    one->look();
  }
  for (const auto& one : world.gateways) {
    if (!one->alive()) one->start();
    one->clock().set_rate(run.time.now(), 1'000);
    one->resume();
    one->look();
  }
  world.network.heal();
  world.backend.heal();
  for (const auto& page : world.pages) page->settle();
  for (const auto& publisher : world.publishers) publisher->settle();
}

// Whoever wants to be connected is, within three times the lease.
void Simulation::check_ready() {
  World& world = *world_;
  const auto all_ready = [&world] {
    return std::all_of(world.pages.begin(), world.pages.end(), [](const auto& page) {
      return !page->wants() || page->ready();
    });
  };
  // Where takeovers are damped, whoever fought before peace waits for a turn.
  const Us turns = world.run.swarm.takeovers_per_minute < 60 ? 30'000'000 : 0;
  const Us until = world.run.time.now() + 3 * world.run.swarm.ttl_us() + turns;
  while (!all_ready() && world.run.time.now() < until) {
    if (!pass(100'000)) return;
  }
  for (const auto& page : world.pages) {
    if (page->wants() && !page->ready()) {
      world.run.wrong("page {} of {} is not ready after three times the lease", page->name(),
                      page->key());
    }
  }
}

// Nothing is stuck, and nothing is left over.
void Simulation::check_rest() {
  World& world = *world_;
  const Us deadlines = (world.run.swarm.setup_timeout_ticks + 4) * 1'000'000;
  if (!pass(std::max<Us>(deadlines, 8'000'000))) return;
  check_told();
  // A late copy of a claim may have been granted with nobody to hear of it: its gateway learns of
  // that when it attaches the next time, which the platform makes it do every hour.
  world.network.cut_all();
  if (!pass(4'000'000)) return;
  // Ticks and heartbeats never end: a moment between them.
  const auto quiet = [&world] {
    return std::all_of(world.coordinators.begin(), world.coordinators.end(),
                       [](const auto& one) {
                         return one->engine().waiting_commands() == 0 &&
                                one->engine().keys_at_work() == 0;
                       }) &&
           std::all_of(world.gateways.begin(), world.gateways.end(),
                       [](const auto& one) { return one->driver()->quiet(); });
  };
  for (int tries = 0; tries < 100 && !quiet(); ++tries) {
    if (!pass(37'000)) return;
  }
  for (const auto& page : world.pages) {
    if (page->wants() && !page->ready()) {
      world.run.wrong("page {} of {} has lost what it had, in peace", page->name(), page->key());
    }
  }
  for (const auto& publisher : world.publishers) {
    if (!publisher->idle()) world.run.wrong("a publisher has no answer, in peace");
  }
  std::size_t sessions = 0;
  for (const auto& gateway : world.gateways) {
    const GatewayDriver& driver = *gateway->driver();
    sessions += driver.sessions();
    if (!driver.quiet()) {
      world.run.wrong("gateway {} is not at rest: {}", gateway->number(), driver.why_not_quiet());
    }
    if (driver.remembered() != driver.sessions()) {
      world.run.wrong("gateway {} remembers {} things for {} sessions", gateway->number(),
                      driver.remembered(), driver.sessions());
    }
  }
  const auto connected = static_cast<std::size_t>(
      std::count_if(world.pages.begin(), world.pages.end(),
                    [](const auto& page) { return page->ready(); }));
  if (sessions != connected) {
    world.run.wrong("the gateways have {} sessions for {} pages", sessions, connected);
  }
  check_replicas();
  check_records();
}

// Every memory shows what is durable, and nothing is under way.
void Simulation::check_replicas() {
  World& world = *world_;
  const auto& records = world.store->records();
  for (const auto& one : world.coordinators) {
    const Engine& engine = one->engine();
    if (engine.waiting_commands() != 0 || engine.keys_at_work() != 0) {
      world.run.wrong("coordinator {} still has {} commands and {} keys at work", one->number(),
                      engine.waiting_commands(), engine.keys_at_work());
    }
    std::size_t present = 0;
    for (const auto& [key, record] : records) {
      if (!connection_key_of(key)) continue;
      ++present;
      const Replica::Slot* slot = engine.replica().find(key);
      if (slot == nullptr || slot->revision != record.now.revision ||
          slot->bytes() != record.now.bytes) {
        world.run.wrong("coordinator {} does not know {} as it is", one->number(), key);
        continue;
      }
      const absl::StatusOr<Record> says =
          decode_record(slot->bytes(), engine.replica().base() + slot->revision);
      if (!says.ok() || *engine.replica().record(*slot) != *says) {
        world.run.wrong("coordinator {} takes {} for something else than its bytes say",
                        one->number(), key);
      }
    }
    if (engine.replica().connections() != present) {
      world.run.wrong("coordinator {} knows {} connections of {}", one->number(),
                      engine.replica().connections(), present);
    }
  }
}

// Of every machine that has ended, a backend is told in the end.
void Simulation::check_told() {
  World& world = *world_;
  const auto owed = [&world](const std::string& key) {
    const RecordPtr record = world.truth.present(key);
    return record && record->closed_pending != 0;
  };
  const std::vector<std::string> keys = world.truth.keys();
  const Us until = world.run.time.now() + 30'000'000;
  while (std::any_of(keys.begin(), keys.end(), owed)) {
    if (world.run.time.now() < until) {
      if (!pass(500'000)) return;
      continue;
    }
    const auto key = std::find_if(keys.begin(), keys.end(), owed);
    return world.run.wrong("{}: the backend is still owed an end", *key);
  }
}

void Simulation::check_records() {
  World& world = *world_;
  for (const std::string& key : world.truth.keys()) {
    const RecordPtr record = world.truth.present(key);
    if (!record) continue;
    const auto owner = std::find_if(
        world.gateways.begin(), world.gateways.end(),
        [&](const auto& gateway) { return gateway->driver()->gateway_id() == record->owner; });
    if (owner != world.gateways.end()) {
      if (!(*owner)->holds(key, record->generation)) {
        world.run.wrong("{}: gateway {} owns {} and has no session for it", key,
                        (*owner)->number(), record->generation);
      } else if (!is_operational(record->state)) {
        world.run.wrong("{}: stuck in {}", key, name_of(record->state));
      }
    } else if (!record->owner.empty() ||
               !(is_final(record->state) || record->state == State::kReconnecting)) {
      world.run.wrong("{}: stuck in {}, owned by {}", key, name_of(record->state),
                      record->owner.empty() ? "nobody" : "a gateway that is gone");
    }
    for (const auto& page : world.pages) {
      if (page->key() != key || !page->ready()) continue;
      if (page->generation() != record->generation) {
        world.run.wrong("{}: page {} believes in {}, the record in {}", key, page->name(),
                        page->generation(), record->generation);
      } else if (record->acknowledged != record->last_sequence) {
        world.run.wrong("{}: events {}..{} are still held", key, record->acknowledged + 1,
                        record->last_sequence);
      } else if (page->last() != record->last_sequence) {
        world.run.wrong("{}: page {} has seen {} events of {}", key, page->name(), page->last(),
                        record->last_sequence);
      }
    }
  }
}

}  // namespace interlock::sim
