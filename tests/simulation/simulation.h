// One run from its seed to its verdict: a time of faults, then a time of peace in which everything
// must come right.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/world.h"

namespace interlock::sim {

class Simulation {
 public:
  Simulation(std::uint64_t seed, bool keep_transcript);
  ~Simulation();

  // False: something was wrong; it stands in world().run.violations.
  bool run();

  const World& world() const { return *world_; }

 private:
  void populate();
  void by_itself(Fault fault, void (Simulation::*happen)());
  void perhaps_midway(Fault fault, std::function<void()> crash);
  void every(double mean_us, std::function<void()> act);
  void look_around();
  bool pass(Us for_us);   // false: something is wrong

  // faults.cc: what goes wrong by itself
  void schedule_faults();
  void crash_coordinator();
  void pause_coordinator();
  void drain_coordinator();
  void crash_gateway();
  void pause_gateway();
  void drain_gateway();
  void step_wall();
  void lose_feed();
  void forget_positions();
  void store_away_failed();
  void store_away_unknown();
  void store_away_for_all();
  void write_as_newer_build();
  void cut_stream();
  void clog_stream();
  void partition_up();
  void partition_down();
  void backend_down();
  void drop_socket();
  void reload_page();
  void copy_page();
  void old_attempt();
  void client_done();
  void fight();
  void kick_for_good();
  void kick_for_now();
  void release();
  void steer(Fault fault, Steer what);
  void kill_coordinator(std::size_t number, Us down_for);
  void kill_gateway(std::size_t number, Us down_for);
  void away(std::size_t coordinator, Away how, Us for_us);

  // peace.cc: everything heals
  void heal();
  void check_ready();
  void check_rest();
  void check_replicas();
  void check_told();
  void check_records();
  Page& some_page();

  std::unique_ptr<World> world_;
  std::function<void()> midway_;        // a crash between two events
  std::uint64_t midway_in_ = 0;         // so many events from now
};

}  // namespace interlock::sim
