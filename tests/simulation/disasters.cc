// What goes wrong by itself, now and then.
#include "coordinator/engine/record_codec.h"
#include "google/protobuf/unknown_field_set.h"
#include "tests/simulation/caller.h"
#include "tests/simulation/gateway.h"
#include "tests/simulation/page.h"
#include "tests/simulation/publisher.h"
#include "tests/simulation/repeater.h"
#include "tests/simulation/simulation.h"

namespace interlock::sim {

void Simulation::by_itself(Fault fault, void (Simulation::*happen)()) {
  const double mean_us = world_->run.swarm.mean_us(fault);
  if (mean_us == 0) return;
  every(mean_us, [this, happen] {
    if (!world_->run.calm) (this->*happen)();
  });
}

void Simulation::schedule_faults() {
  using S = Simulation;
  by_itself(Fault::kCoordinatorCrash, &S::crash_coordinator);
  by_itself(Fault::kCoordinatorPause, &S::pause_coordinator);
  by_itself(Fault::kCoordinatorDrain, &S::drain_coordinator);
  by_itself(Fault::kGatewayCrash, &S::crash_gateway);
  by_itself(Fault::kGatewayPause, &S::pause_gateway);
  by_itself(Fault::kGatewayDrain, &S::drain_gateway);
  by_itself(Fault::kWallStep, &S::step_wall);
  by_itself(Fault::kFeedLost, &S::lose_feed);
  by_itself(Fault::kPositionsForgotten, &S::forget_positions);
  by_itself(Fault::kStoreAwayFailed, &S::store_away_failed);
  by_itself(Fault::kStoreAwayUnknown, &S::store_away_unknown);
  by_itself(Fault::kStoreAwayForAll, &S::store_away_for_all);
  by_itself(Fault::kNewerBuild, &S::write_as_newer_build);
  by_itself(Fault::kStreamCut, &S::cut_stream);
  by_itself(Fault::kClog, &S::clog_stream);
  by_itself(Fault::kPartitionUp, &S::partition_up);
  by_itself(Fault::kPartitionDown, &S::partition_down);
  by_itself(Fault::kBackendDown, &S::backend_down);
  by_itself(Fault::kSocketDropped, &S::drop_socket);
  by_itself(Fault::kPageReloaded, &S::reload_page);
  by_itself(Fault::kPageCopied, &S::copy_page);
  by_itself(Fault::kOldAttempt, &S::old_attempt);
  by_itself(Fault::kClientDone, &S::client_done);
  by_itself(Fault::kFight, &S::fight);
  by_itself(Fault::kKickForGood, &S::kick_for_good);
  by_itself(Fault::kKickForNow, &S::kick_for_now);
  by_itself(Fault::kReleased, &S::release);
}

// ---- processes ----

// At once, or between two events that are soon to come: in the middle of whatever is going on.
void Simulation::perhaps_midway(Fault fault, std::function<void()> crash) {
  if (midway_ || !world_->run.happens(fault)) return crash();
  midway_ = std::move(crash);
  midway_in_ = world_->run.dice.between(1, 60);
}

void Simulation::kill_coordinator(std::size_t number, Us down_for) {
  Coordinator& one = *world_->coordinators[number];
  one.crash();
  world_->network.coordinator_gone(number);
  world_->run.time.after(down_for, [&one] {
    if (!one.alive()) one.start();
  });
}

void Simulation::kill_gateway(std::size_t number, Us down_for) {
  Gateway& one = *world_->gateways[number];
  one.crash();
  world_->run.time.after(down_for, [&one] {
    if (!one.alive()) one.start();
  });
}

void Simulation::crash_coordinator() {
  Run& run = world_->run;
  const std::size_t number = run.dice.below(world_->coordinators.size());
  if (!world_->coordinators[number]->alive()) return;
  const Us down_for = run.dice.spread(10'000, 8'000'000);
  perhaps_midway(Fault::kCoordinatorCrashMidway, [this, number, down_for] {
    if (world_->run.calm || !world_->coordinators[number]->alive()) return;
    world_->run.faults.add(Fault::kCoordinatorCrash);
    kill_coordinator(number, down_for);
  });
}

void Simulation::crash_gateway() {
  Run& run = world_->run;
  const std::size_t number = run.dice.below(world_->gateways.size());
  if (!world_->gateways[number]->alive()) return;
  const Us down_for = run.dice.spread(10'000, 8'000'000);
  perhaps_midway(Fault::kGatewayCrashMidway, [this, number, down_for] {
    if (world_->run.calm || !world_->gateways[number]->alive()) return;
    world_->run.faults.add(Fault::kGatewayCrash);
    kill_gateway(number, down_for);
  });
}

void Simulation::pause_coordinator() {
  Run& run = world_->run;
  Coordinator& one = *run.dice.one_of(world_->coordinators);
  if (!one.runs()) return;
  run.faults.add(Fault::kCoordinatorPause);
  run.line("coordinator {} stands still", one.number());
  one.pause();
  run.time.after(run.dice.spread(50'000, 10 * run.swarm.ttl_us()), [&one, &run] {
    run.line("coordinator {} goes on", one.number());
    one.resume();
  });
}

void Simulation::pause_gateway() {
  Run& run = world_->run;
  Gateway& one = *run.dice.one_of(world_->gateways);
  if (!one.runs()) return;
  run.faults.add(Fault::kGatewayPause);
  run.line("gateway {} stands still", one.number());
  one.pause();
  run.time.after(run.dice.spread(50'000, 10 * run.swarm.ttl_us()), [&one, &run] {
    run.line("gateway {} goes on", one.number());
    one.resume();
  });
}

// SIGTERM: everybody attached is told, and what is left is killed.
void Simulation::drain_coordinator() {
  Run& run = world_->run;
  const std::size_t number = run.dice.below(world_->coordinators.size());
  Coordinator& one = *world_->coordinators[number];
  if (!one.runs()) return;
  run.faults.add(Fault::kCoordinatorDrain);
  one.drain();
  run.time.after(run.dice.spread(10'000, 2'000'000), [this, number, now = one.incarnation()] {
    const Coordinator& same = *world_->coordinators[number];
    if (!same.alive() || same.incarnation() != now) return;
    kill_coordinator(number, world_->run.dice.spread(10'000, 2'000'000));
  });
}

void Simulation::drain_gateway() {
  Run& run = world_->run;
  const std::size_t number = run.dice.below(world_->gateways.size());
  Gateway& one = *world_->gateways[number];
  if (!one.runs()) return;
  run.faults.add(Fault::kGatewayDrain);
  one.drain();
  run.time.after(run.dice.spread(10'000, 2'000'000), [this, number, now = one.incarnation()] {
    const Gateway& same = *world_->gateways[number];
    if (!same.alive() || same.incarnation() != now) return;
    kill_gateway(number, world_->run.dice.spread(10'000, 2'000'000));
  });
}

void Simulation::step_wall() {
  Run& run = world_->run;
  run.faults.add(Fault::kWallStep);
  const auto hours = static_cast<std::int64_t>(run.dice.below(49)) - 24;
  run.dice.one_of(world_->coordinators)->clock().step_wall(hours * 3'600'000'000);
}

// ---- the store ----

void Simulation::lose_feed() {
  Coordinator& one = *world_->run.dice.one_of(world_->coordinators);
  if (!one.alive()) return;
  world_->run.faults.add(Fault::kFeedLost);
  world_->run.line("coordinator {} loses its feed", one.number());
  one.lose_feed();
}

void Simulation::forget_positions() {
  world_->run.faults.add(Fault::kPositionsForgotten);
  world_->store->forget_feed();
}

void Simulation::away(std::size_t coordinator, Away how, Us for_us) {
  Coordinator& one = *world_->coordinators[coordinator];
  if (one.away() != Away::kNo) return;
  one.set_away(how);
  world_->run.time.after(for_us, [&one] { one.set_away(Away::kNo); });
}

void Simulation::store_away_failed() {
  Run& run = world_->run;
  run.faults.add(Fault::kStoreAwayFailed);
  away(run.dice.below(world_->coordinators.size()), Away::kFailed,
       run.dice.spread(20'000, 4 * run.swarm.ttl_us()));
}

void Simulation::store_away_unknown() {
  Run& run = world_->run;
  run.faults.add(Fault::kStoreAwayUnknown);
  away(run.dice.below(world_->coordinators.size()), Away::kUnknown,
       run.dice.spread(20'000, 4 * run.swarm.ttl_us()));
}

void Simulation::store_away_for_all() {
  Run& run = world_->run;
  run.faults.add(Fault::kStoreAwayForAll);
  const Us for_us = run.dice.spread(100'000, 120'000'000);
  for (std::size_t i = 0; i < world_->coordinators.size(); ++i) {
    away(i, run.dice.chance(0.5) ? Away::kFailed : Away::kUnknown, for_us);
  }
}

// A build one version on writes what this one does not know.
void Simulation::write_as_newer_build() {
  World& world = *world_;
  std::vector<std::string> keys;
  for (const auto& [key, record] : world.store->records()) {
    if (connection_key_of(key) || key.starts_with(kGatewayPrefix)) keys.push_back(key);
  }
  if (keys.empty()) return;
  const std::string key = world.run.dice.one_of(keys);
  const Versioned& now = world.store->records().at(key).now;
  google::protobuf::UnknownFieldSet fields;
  fields.AddLengthDelimited(1'000 + static_cast<int>(world.run.dice.below(9)),
                            world.run.dice.hex(8));
  std::string unknown;
  fields.SerializeToString(&unknown);
  Entry entry{.key = key, .expected = now.revision};
  if (connection_key_of(key)) {
    auto record = decode_record(now.bytes, world.truth.base() + now.revision);
    if (!record.ok() || record->unknown.size() > 100) return;
    record->unknown += unknown;
    entry.record = encode(*record);
  } else {
    if (now.bytes.size() > 200) return;
    entry.record = now.bytes + unknown;
  }
  world.run.faults.add(Fault::kNewerBuild);
  world.store->apply({entry});
}

// ---- the network, the backend and the clients ----

void Simulation::cut_stream() { world_->network.cut_some(); }
void Simulation::clog_stream() { world_->network.clog_some(); }
void Simulation::partition_up() { world_->network.partition_some(true); }
void Simulation::partition_down() { world_->network.partition_some(false); }
void Simulation::backend_down() { world_->backend.go_down(); }

Page& Simulation::some_page() { return *world_->run.dice.one_of(world_->pages); }

void Simulation::drop_socket() {
  Page& page = some_page();
  if (!page.connected()) return;
  world_->run.faults.add(Fault::kSocketDropped);
  page.drop(!world_->run.happens(Fault::kSocketLostUnnoticed));
}

void Simulation::reload_page() {
  Page& page = some_page();
  if (!page.connected()) return;
  world_->run.faults.add(Fault::kPageReloaded);
  page.reload(world_->run.dice.chance(0.6));
}

void Simulation::copy_page() {
  Page& page = some_page();
  Page& other = some_page();
  if (&page == &other || page.key() != other.key()) return;
  world_->run.faults.add(Fault::kPageCopied);
  page.copy_from(other);
}

void Simulation::old_attempt() {
  Page& page = some_page();
  if (!page.wants() || page.generation() == 0) return;
  world_->run.faults.add(Fault::kOldAttempt);
  page.use_old_attempt();
}

void Simulation::client_done() {
  Page& page = some_page();
  if (!page.connected()) return;
  world_->run.faults.add(Fault::kClientDone);
  page.leave();
  // Some come back, with all that they knew of the life that they have just ended.
  if (world_->run.dice.chance(0.7)) {
    world_->run.time.after(world_->run.dice.spread(1'000, 5'000'000), [this, &page] {
      if (!world_->run.calm) page.begin();
    });
  }
}

// Two pages want the same key, and neither gives in.
void Simulation::fight() {
  Page& page = some_page();
  world_->run.faults.add(Fault::kFight);
  for (const auto& other : world_->pages) {
    if (other->key() != page.key()) continue;
    for (int round = 0; round < 4; ++round) {
      world_->run.time.after(world_->run.dice.below(3'000'000), [this, &one = *other] {
        if (world_->run.calm) return;
        one.begin();
        one.reconnect();
      });
    }
  }
}

// ---- operators ----

// At once, or when what was seen may have moved on; perhaps twice, through different coordinators.
void Simulation::steer(Fault fault, Steer what) {
  World& world = *world_;
  const std::string& key = some_page().key();
  const RecordPtr record = world.truth.present(key);
  if (!record) return;
  what.generation = record->generation;
  what.note = "operator: simulated";
  world.run.faults.add(fault);
  world.said.steer(key, what.generation, what.kind == Steer::Kind::kKick && !what.may_return);
  world.run.line("an operator steers {} {}: {}", key, what.generation, name_of(fault));
  for (int times = world.run.dice.chance(0.2) ? 2 : 1; times > 0; --times) {
    const Us delay = world.run.dice.chance(0.5) ? 0 : world.run.dice.below(2'000'000);
    world.run.time.after(delay, [this, key, what] {
      world_->network.call(world_->network.some_coordinator(), key, Command{what},
                           [](const Answer&, Revision) {});
    });
  }
}

void Simulation::kick_for_good() {
  steer(Fault::kKickForGood, {.code = 4502, .may_return = false, .note = {}});
}
void Simulation::kick_for_now() {
  steer(Fault::kKickForNow, {.code = 4006, .may_return = true, .note = {}});
}
void Simulation::release() {
  steer(Fault::kReleased, {.kind = Steer::Kind::kRelease, .note = {}});
}

}  // namespace interlock::sim
