#include "tests/simulation/simulation.h"

#include "tests/simulation/caller.h"
#include "tests/simulation/gateway.h"
#include "tests/simulation/page.h"
#include "tests/simulation/publisher.h"
#include "tests/simulation/repeater.h"

namespace interlock::sim {
namespace {

constexpr std::uint64_t kEventsMax = 20'000'000;  // of one run; more of them is a busy loop

}  // namespace

Simulation::Simulation(std::uint64_t seed, bool keep_transcript)
    : world_(std::make_unique<World>(seed, keep_transcript)) {
  populate();
}
Simulation::~Simulation() = default;

void Simulation::populate() {
  World& world = *world_;
  Run& run = world.run;
  const Swarm& swarm = run.swarm;
  for (std::size_t i = 0; i < swarm.coordinators; ++i) {
    world.coordinators.push_back(std::make_unique<Coordinator>(
        run, i, world.store, world.truth, world.leases, world.answers,
        Coordinator::Out{[&world](LinkId link, const v1::AttachResponse& message) {
                           world.network.down(link, message);
                         },
                         [&world](LinkId link) { world.network.end_by_coordinator(link); }}));
  }
  world.repeater = std::make_unique<Repeater>(run, world.network, swarm.coordinators);
  for (std::size_t i = 0; i < swarm.gateways; ++i) {
    world.gateways.push_back(std::make_unique<Gateway>(world, i));
  }
  for (std::size_t i = 0; i < swarm.keys; ++i) {
    const std::string key = "alice:" + std::to_string(i);
    world.keys.push_back(key);
    const std::size_t pages = run.dice.between(1, 3);
    for (std::size_t page = 0; page < pages; ++page) {
      world.pages.push_back(
          std::make_unique<Page>(world, key, std::string(1, static_cast<char>('a' + page))));
    }
    world.publishers.push_back(std::make_unique<Publisher>(run, world.network, key, "run"));
    if (run.dice.chance(0.5)) {
      world.publishers.push_back(std::make_unique<Publisher>(run, world.network, key, "other"));
    }
  }
  for (std::size_t i = 0; i < swarm.callers; ++i) {
    const std::string key = "alice:called" + std::to_string(i);
    world.keys.push_back(key);
    world.callers.push_back(
        std::make_unique<Caller>(run, world.network, world.said, key));
    world.publishers.push_back(std::make_unique<Publisher>(run, world.network, key, "run"));
  }
}

void Simulation::every(double mean_us, std::function<void()> act) {
  world_->run.time.after(world_->run.dice.wait(mean_us), [this, mean_us, act = std::move(act)] {
    act();
    every(mean_us, act);
  });
}

bool Simulation::pass(Us for_us) {
  Run& run = world_->run;
  const Us until = run.time.now() + for_us;
  while (run.time.run_one(until)) {
    if (!run.violations.empty()) return false;
    if (midway_ && --midway_in_ == 0) std::exchange(midway_, nullptr)();
    if (run.time.events() > kEventsMax) run.wrong("the processes do not come to rest");
  }
  return run.violations.empty();
}

bool Simulation::run() {
  World& world = *world_;
  Run& run = world.run;
  for (const auto& coordinator : world.coordinators) coordinator->start();
  for (const auto& gateway : world.gateways) gateway->start();
  for (const auto& page : world.pages) {
    run.time.after(run.dice.below(2'000'000), [&page = *page] { page.begin(); });
    every(static_cast<double>(run.swarm.think_us), [&page = *page] { page.act(); });
  }
  for (const auto& publisher : world.publishers) {
    every(static_cast<double>(run.swarm.publish_us), [&one = *publisher] { one.act(); });
  }
  for (const auto& caller : world.callers) {
    every(400'000, [&one = *caller] { one.act(); });
  }
  every(2'000'000, [this] { look_around(); });
  schedule_faults();
  if (!pass(run.swarm.faults_for_us)) return false;
  heal();
  if (!pass(0)) return false;
  check_ready();
  if (!run.violations.empty()) return false;
  check_rest();
  return run.violations.empty();
}

// Somebody looks at records, and removes what is over.
void Simulation::look_around() {
  World& world = *world_;
  Run& run = world.run;
  if (run.calm) return;
  const std::string& key = run.dice.one_of(world.keys);
  const auto nothing = [](const Answer&, Revision) {};
  world.network.call(world.network.some_coordinator(), key, Command{Lookup{}}, nothing);
  const RecordPtr record = world.truth.present(key);
  if (record && is_final(record->state) && run.dice.chance(0.3)) {
    world.network.call(world.network.some_coordinator(), key, Command{Forget{record->generation}},
                       nothing);
  }
}

}  // namespace interlock::sim
