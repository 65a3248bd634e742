// Everything there is in one run, so that its parts find each other.
#pragma once

#include <memory>
#include <vector>

#include "tests/simulation/answers.h"
#include "tests/simulation/backend.h"
#include "tests/simulation/coordinator.h"
#include "tests/simulation/judge.h"
#include "tests/simulation/leases.h"
#include "tests/simulation/network.h"
#include "tests/simulation/said.h"
#include "tests/simulation/truth.h"

namespace interlock::sim {

class Gateway;
class Page;
class Publisher;
class Caller;
class Repeater;

struct World {
  World(std::uint64_t seed, bool keep_transcript);
  ~World();

  std::size_t some_gateway();

  Run run;
  std::shared_ptr<MemoryWorld> store = std::make_shared<MemoryWorld>();
  Truth truth;
  Said said;
  Leases leases;
  Answers answers;
  Judge judge;
  Backend backend;
  std::vector<std::unique_ptr<Coordinator>> coordinators;
  Network network;
  std::vector<std::unique_ptr<Gateway>> gateways;
  std::unique_ptr<Repeater> repeater;
  std::vector<std::unique_ptr<Page>> pages;
  std::vector<std::unique_ptr<Publisher>> publishers;
  std::vector<std::unique_ptr<Caller>> callers;
  std::vector<std::string> keys;
};

}  // namespace interlock::sim
