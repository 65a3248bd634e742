// Whether each answer is true, by what is durable at the very moment at which it is given.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/coordinator/engine/engine_world.h"
#include "tests/coordinator/engine/ledger.h"

namespace interlock {

class AnswerCheck {
 public:
  using Heard = std::function<void(const Answer&)>;

  // Both outlive it. `states_between`: what is decided together becomes one write, so that an
  // answer may tell of a state that another command of the same write has already gone on from;
  // then what counts is that this write is durable.
  AnswerCheck(EngineWorld& world, const Ledger& ledger, bool states_between);

  Ticket ask(std::size_t coordinator, const std::string& key, Command command, Heard heard = {});
  // What it was asked and has not answered, it never will.
  void crashed(std::size_t coordinator);
  std::size_t unanswered() const { return asked_.size(); }
  // A claim that was asked once and told that nothing was done is never granted.
  void check_dead_claims();

  std::vector<std::string> wrong;
  std::map<std::string, std::uint64_t> answers;  // of each kind, how many

 private:
  struct Asked {
    std::size_t coordinator = 0;
    std::string key;
    Command command;
    std::uint64_t at_ms = 0;
    Heard heard;
  };
  struct Truth;

  void take(const EngineWorld::Given& given);

  EngineWorld& world_;
  const Ledger& ledger_;
  const bool states_between_;
  std::map<Ticket, Asked> asked_;
  std::map<std::string, int> claims_asked_;         // id -> how often
  std::map<std::string, std::string> dead_claims_;  // id -> key
};

}  // namespace interlock
