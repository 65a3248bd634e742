// Three gateways, the clients of two subjects and a backend, which ask anything of one key in any
// order: mostly what makes sense, often what comes late or twice, sometimes nonsense.
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "coordinator/authority/decide.h"

namespace interlock {

class RandomAsker {
 public:
  explicit RandomAsker(std::uint64_t seed) : random_(seed) {}

  Command next(const std::optional<Record>& record);
  // Time passes, gateways die, takeovers are damped.
  void move_on(Context& context);

 private:
  // From 0 to below `limit`. Not a distribution of the library: those differ between libraries.
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  bool one_in(std::uint64_t count) { return below(count) == 0; }

  std::string gateway() { return "gateway " + std::to_string(below(3)); }
  std::string claim_id();
  Generation generation(const Record& record);
  Command fresh(const Record& record);
  Claim claim(const Record& record);
  Operate operate(const Record& record);
  Operation operation();
  Publish publish(const Record& record);

  std::mt19937_64 random_;
  std::uint64_t claims_ = 0;
  std::vector<Generation> generations_{1};  // that there have been
  std::deque<Command> asked_;               // the last ones, to come again
};

}  // namespace interlock
