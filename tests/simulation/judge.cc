#include "tests/simulation/judge.h"

#include <algorithm>

namespace interlock::sim {
namespace {

std::optional<Attempt> attempt_of(const v1::ClaimRequest& claim, Generation newest) {
  if (!claim.has_attempt() || claim.attempt().generation() > newest) return std::nullopt;
  return Attempt{claim.attempt().generation(), claim.attempt().tries()};
}

}  // namespace

Judge::Judge(Run& run, Truth& truth, const Said& said, const Leases& leases,
             Serves serves)
    : run_(run), said_(said), leases_(leases), serves_(std::move(serves)) {
  truth.on_change([this](const Truth::Change& change) { see(change); });
}

void Judge::see(const Truth::Change& change) {
  if (!change.after) return;
  if (!change.before || change.before->generation != change.after->generation) {
    judge_grant(change);
  } else {
    judge_operations(change);
    judge_steering(change);
    judge_end_of_ownership(change);
  }
  judge_deadlines(change);
  judge_acknowledged(change);
}

void Judge::judge_grant(const Truth::Change& change) {
  const Record& record = *change.after;
  if (record.owner.empty()) return;
  const Said::Claim* said = said_.find(record.claim_id);
  if (said == nullptr || said->request.key() != change.key ||
      said->request.gateway_id() != record.owner ||
      said->request.subject() != record.subject) {
    return run_.wrong("{}: generation {} is granted to a claim that nobody made", change.key,
                      record.generation);
  }
  if (!change.before || Truth::made_anew(change)) return;
  if (change.before->subject != record.subject) {
    run_.wrong("{}: the subject changes", change.key);
  }
  if (is_barred(*change.before) && !said_.may_return(change.key, change.before->generation)) {
    run_.wrong("{}: granted, although an operator has ended it for good", change.key);
  }
  if (change.before->claim_id == record.claim_id ||
      is_spent(*change.before, record.claim_id)) {
    run_.wrong("{}: a spent claim is granted again", change.key);
  }
  judge_order(change, said->request);
}

// Whether the history says that this generation's owner was let go before the write's own claim,
// for instance by a coordinator whose list did not name it.
bool let_go_in(const Record& record, Generation generation) {
  const auto last = std::find_if(record.transitions.rbegin(), record.transitions.rend(),
                                 [&](const auto& one) { return one.generation == generation; });
  return last != record.transitions.rend() && last->to == State::kReconnecting &&
         last->reason != Reason::kTakenOver && last->reason != Reason::kResumed;
}

// An older attempt never wins a key back from an owner that has not let go of it. One whose claim
// was refused, and granted to a late copy all the same, holds nothing.
void Judge::judge_order(const Truth::Change& change, const v1::ClaimRequest& claim) {
  const Record& before = *change.before;
  if (before.owner.empty() || said_.let_go(change.key, before.generation)) return;
  if (let_go_in(*change.after, before.generation)) return;
  const Said::Claim* holder = said_.find(before.claim_id);
  if (holder == nullptr || holder->abandoned || holder->refused) return;
  if (leases_.expired(before.owner)) return;
  const std::optional<Attempt> attempt = attempt_of(claim, before.generation);
  const std::optional<Attempt> made = attempt_of(holder->request, before.generation - 1);
  const bool newer = attempt && (attempt->generation == before.generation ||
                                 (made && *attempt > *made));
  const bool older = attempt && attempt->generation != before.generation && made &&
                     *attempt <= *made;
  if (older) {
    run_.wrong("{}: attempt ({}, {}) wins from ({}, {})", change.key, attempt->generation,
               attempt->tries, made->generation, made->tries);
  }
  const bool lives = leases_.lives(before.owner);
  if (claim.policy() == v1::REJECT && !newer && lives) {
    run_.wrong("{}: a claim with REJECT replaces a living owner", change.key);
  }
}

// Each number that is taken is an operation that its owner has sent.
void Judge::judge_operations(const Truth::Change& change) {
  const Record& before = *change.before;
  const Record& after = *change.after;
  for (std::uint64_t op = before.last_op + 1; op <= after.last_op; ++op) {
    if (said_.operation(change.key, after.generation, op) != nullptr) continue;
    const bool detached = op == after.last_op && after.owner.empty() && !before.owner.empty();
    if (!detached) {
      run_.wrong("{} {}: operation {} is taken, which nobody sent", change.key, after.generation,
                 op);
    } else if (serves_(before.owner, change.key, after.generation)) {
      run_.wrong("{} {}: detached by a coordinator while its gateway serves it", change.key,
                 after.generation);
    }
  }
}

// What an operator does reaches the generation that was named, and no other.
void Judge::judge_steering(const Truth::Change& change) {
  const Record& before = *change.before;
  const Record& after = *change.after;
  if (after.transitions.empty() || after.transitions_total == before.transitions_total) return;
  const Reason last = after.transitions.back().reason;
  if (last != Reason::kKicked && last != Reason::kReleasedByForce) return;
  run_.count(last == Reason::kKicked ? "kicked" : "released by force");
  if (!said_.steered(change.key, before.generation)) {
    run_.wrong("{} {}: steered by an operator who named another generation", change.key,
               before.generation);
  }
  if (after.state == State::kClosed && !said_.ended_for_good(change.key, before.generation)) {
    run_.wrong("{} {}: ended by a kick that was for now", change.key, before.generation);
  }
}

void Judge::judge_end_of_ownership(const Truth::Change& change) {
  const Record& before = *change.before;
  const Record& after = *change.after;
  const Reason last = after.transitions.empty() ? Reason::kStep : after.transitions.back().reason;
  const bool stepped = after.transitions_total != before.transitions_total;
  if (stepped && last == Reason::kGatewayExpired && leases_.lives(before.owner)) {
    run_.wrong("{} {}: orphaned, but its gateway lives", change.key, after.generation);
  }
  if (before.owner.empty() || !after.owner.empty()) return;
  // By an operation that was to end it, or by the detaching that nobody sent (see above) ...
  for (std::uint64_t op = before.last_op + 1; op <= after.last_op; ++op) {
    const v1::Operation* said = said_.operation(change.key, after.generation, op);
    if (said == nullptr || Said::ends(*said)) return;
  }
  // ... or because its claim was abandoned, its gateway died, or its time was over.
  const Said::Claim* holder = said_.find(before.claim_id);
  // The id is spent by that, although others of the same write may have pushed it out.
  const bool abandoned = holder != nullptr && holder->abandoned && last == Reason::kAbandoned;
  const bool orphaned = !leases_.lives(before.owner);
  const bool overdue = !is_operational(before.state);
  const bool steered = said_.steered(change.key, before.generation);
  if (!abandoned && !orphaned && !overdue && !steered) {
    run_.wrong("{} {}: its owner is taken away for no reason", change.key, after.generation);
  }
}

// A deadline counts ticks, and of ticks there is never more than one in the fastest clock's second.
void Judge::judge_deadlines(const Truth::Change& change) {
  const Record& after = *change.after;
  if (!change.before || after.transitions.empty() ||
      change.before->transitions_total == after.transitions_total) {
    return;
  }
  const Tick passed = leases_.tick() - change.before->changed_tick;
  const Reason reason = after.transitions.back().reason;
  if (reason == Reason::kResumeExpired) {
    run_.count("resume expired");
    if (passed < run_.swarm.resume_window_ticks) {
      run_.wrong("{}: given up after {} ticks", change.key, passed);
    }
  } else if (reason == Reason::kSetupExpired) {
    run_.count("setup expired");
    if (passed < run_.swarm.setup_timeout_ticks) {
      run_.wrong("{}: ended after {} ticks", change.key, passed);
    }
  } else if (reason == Reason::kGatewayExpired) {
    run_.count("orphan swept");
  }
}

// Nothing is trimmed that no client has seen.
void Judge::judge_acknowledged(const Truth::Change& change) {
  const Record& after = *change.after;
  const bool same = change.before && change.before->sequence_since == after.sequence_since;
  if (after.acknowledged == (same ? change.before->acknowledged : 0)) return;
  if (after.state == State::kClosed) return;
  if (after.acknowledged > said_.seen(change.key, after.sequence_since)) {
    run_.wrong("{}: acknowledged up to {}, seen up to {}", change.key, after.acknowledged,
               said_.seen(change.key, after.sequence_since));
  }
}

}  // namespace interlock::sim
