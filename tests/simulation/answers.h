// Whether each answer of a coordinator is true, by what is durable when it is given: it must have
// been the right one at some moment since the question came in.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "coordinator/engine/engine_types.h"
#include "tests/simulation/leases.h"
#include "tests/simulation/truth.h"

namespace interlock::sim {

class Answers {
 public:
  Answers(Run& run, Truth& truth, const Leases& leases);

  void asked(std::size_t coordinator, Ticket ticket, const std::string& key,
             const Command& command);
  void answered(const Answered& answer);
  // What it was asked and has not answered, it never will.
  void crashed(std::size_t coordinator);
  std::size_t outstanding() const { return asked_.size(); }

 private:
  struct Asked {
    std::size_t coordinator = 0;
    std::string key;
    Command command;
    Us at = 0;
  };
  // Of one claim, over all of its copies.
  struct ClaimAsked {
    std::size_t outstanding = 0;
    bool lost = false;     // a coordinator died over it: nobody knows
    bool refused = false;  // every copy was, in the end
  };
  struct Check;

  Run& run_;
  Truth& truth_;
  const Leases& leases_;
  std::unordered_map<Ticket, Asked> asked_;
  std::unordered_map<std::string, ClaimAsked> claims_;
};

std::string_view kind_of(const Answer& answer);

}  // namespace interlock::sim
