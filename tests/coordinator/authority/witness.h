// What has happened to a key so far, as somebody else remembers it, and what must be true of each
// further step.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "coordinator/authority/decide.h"

namespace interlock {

// Of the outbox, so that it is full now and then.
inline constexpr std::uint64_t kEventsMax = 12;

// One command and what it did.
struct Step {
  std::optional<Record> before;
  Command command;
  Decision decision;  // generations spelled out, as in `after`
  std::optional<Record> after;

  bool wrote() const { return decision.record.has_value() || decision.remove; }
  const Granted* granted() const { return std::get_if<Granted>(&decision.answer); }
  bool new_grant() const { return granted() != nullptr && decision.record.has_value(); }
};

class Witness {
 public:
  // Fails the test when the step breaks a promise.
  void saw(const Step& step, const Context& context);

 private:
  void generation_rises_with_each_grant_and_only_then(const Step& step);
  bool forgotten_ids(const Step& step);
  void only_the_owner_of_the_present_generation_acts(const Step& step);
  void a_grant_begins_anew_and_ends_the_one_before(const Step& step);
  void abandoning_touches_its_own_grant_only(const Step& step);
  void no_older_attempt_wins_from_an_owner(const Step& step);
  void a_position_counts_in_its_own_life_only(const Step& step);
  void an_event_is_accepted_once(const Step& step);
  void only_legal_steps_lead_from_before_to_after(const Step& step);
  void only_a_claim_gives_an_owner(const Step& step);
  void outbox_has_no_gap(const Step& step);
  void refused_operations_take_their_number_only(const Step& step);
  void deadlines_restart_with_state_and_owner_only(const Step& step);
  void record_is_sound(const Record& record);
  void history_is_a_chain(const Record& record);

  bool owner_lived_ = true;
  Generation newest_ = 0;
  std::map<std::string, Generation> granted_ids_;
  std::map<Sequence, std::size_t> outbox_;  // the shadow of the store's attachments
};

}  // namespace interlock
