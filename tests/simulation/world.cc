#include "tests/simulation/world.h"

#include "tests/simulation/caller.h"
#include "tests/simulation/gateway.h"
#include "tests/simulation/page.h"
#include "tests/simulation/publisher.h"
#include "tests/simulation/repeater.h"

namespace interlock::sim {

World::World(std::uint64_t seed, bool keep_transcript)
    : run(seed, keep_transcript),
      truth(run, *store),
      said(run),
      leases(run),
      answers(run, truth, leases),
      judge(run, truth, said, leases,
            [this](const std::string& owner, const std::string& key, Generation generation) {
              for (const auto& gateway : gateways) {
                if (gateway->driver() != nullptr && gateway->driver()->gateway_id() == owner) {
                  return gateway->holds(key, generation);
                }
              }
              return false;
            }),
      backend(run, truth),
      network(run, coordinators,
              {.received =
                   [this](std::size_t number, std::uint64_t incarnation, std::uint64_t stream,
                          const v1::AttachResponse& message) {
                     Gateway& to = *gateways[number];
                     to.reach(incarnation,
                              [&to, stream, message] { to.received(stream, message); });
                   },
               .ended =
                   [this](std::size_t number, std::uint64_t incarnation, std::uint64_t stream) {
                     Gateway& to = *gateways[number];
                     to.reach(incarnation, [&to, stream] { to.stream_ended(stream); });
                   }}) {
  truth.on_other([this](const Entry& entry) { leases.take(entry); });
}

World::~World() = default;

// The load balancer sends nobody to what is gone, most often.
std::size_t World::some_gateway() {
  const std::size_t first = run.dice.below(gateways.size());
  if (!run.calm && run.dice.chance(0.03)) return first;
  for (std::size_t i = 0; i < gateways.size(); ++i) {
    const std::size_t one = (first + i) % gateways.size();
    if (gateways[one]->alive()) return one;
  }
  return first;
}

}  // namespace interlock::sim
