#include "tests/coordinator/authority/random_asker.h"

#include <algorithm>
#include <utility>

namespace interlock {
namespace {

constexpr std::size_t kRemembered = 40;

}  // namespace

void RandomAsker::move_on(Context& context) {
  context.tick += below(3);
  context.time_unix_ms += static_cast<std::int64_t>(below(3'000));
  context.owner_lives = !one_in(5);
  context.takeover_after_ms = one_in(20) ? 6'000 : 0;
}

Command RandomAsker::next(const std::optional<Record>& record) {
  if (record && record->generation != generations_.back()) {
    generations_.push_back(record->generation);
  }
  if (!asked_.empty() && one_in(6)) return asked_[below(asked_.size())];
  const Record nobody{.generation = generations_.back()};
  asked_.push_back(fresh(record.value_or(nobody)));
  if (asked_.size() > kRemembered) asked_.pop_front();
  return asked_.back();
}

Command RandomAsker::fresh(const Record& record) {
  const std::string who = record.owner.empty() || one_in(6) ? gateway() : record.owner;
  switch (below(20)) {
    case 0:
    case 1:
    case 2:
      return claim(record);
    case 3:
      return Abandon{who, one_in(3) && !record.claim_id.empty() ? record.claim_id : claim_id()};
    case 4:
    case 5:
      return Acknowledge{who, generation(record), below(record.last_sequence + 2)};
    case 6:
      return Lookup{};
    case 7:
      if (one_in(4)) return Forget{generation(record)};
      [[fallthrough]];
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
      return operate(record);
    default:
      return publish(record);
  }
}

// A new one, or one of the last dozen.
std::string RandomAsker::claim_id() {
  if (claims_ > 0 && one_in(3)) {
    return "claim " + std::to_string(claims_ - below(std::min<std::uint64_t>(claims_, 12)));
  }
  return "claim " + std::to_string(++claims_);
}

Generation RandomAsker::generation(const Record& record) {
  if (!one_in(4)) return record.generation;
  if (one_in(5)) return record.generation + 1 + below(3);
  return generations_[below(generations_.size())];
}

Claim RandomAsker::claim(const Record& record) {
  Claim claim{.subject = one_in(25) ? "mallory" : "alice",
              .gateway_id = gateway(),
              .claim_id = claim_id(),
              .policy = one_in(4) ? Policy::kReject : Policy::kTakeOver};
  claim.through = static_cast<State>(1 + below(one_in(12) ? 12 : 5));
  if (one_in(8)) claim.through = State::kDegraded;
  if (one_in(2)) claim.attempt = Attempt{one_in(4) ? 0 : generation(record), below(4)};
  if (one_in(2)) {
    claim.position = ClientPosition{below(record.last_sequence + 2), generation(record)};
  }
  return claim;
}

Operate RandomAsker::operate(const Record& record) {
  Operate operate{.gateway_id = record.owner.empty() || one_in(8) ? gateway() : record.owner,
                  .generation = generation(record)};
  // All unanswered ones travel together: some of them may have been taken before.
  std::uint64_t op = record.last_op + 1 - below(std::min<std::uint64_t>(record.last_op, 3) + 1);
  if (one_in(15)) op += below(3);
  for (std::uint64_t count = 1 + below(4); count > 0; --count) {
    operate.operations.push_back(operation());
    operate.operations.back().op = op++;
  }
  if (one_in(30)) operate.operations.back().op += below(2);
  if (one_in(3)) operate.acknowledged = below(record.last_sequence + 2);
  return operate;
}

Operation RandomAsker::operation() {
  switch (below(16)) {
    case 0:
      return {.kind = Operation::Kind::kDetach, .reason = Reason::kSocketLost};
    case 1:
      return {.kind = Operation::Kind::kClose, .reason = Reason::kClientDone};
    case 2:
      return {.kind = Operation::Kind::kFail, .reason = Reason::kSetupFailed};
    default:
      return {.kind = Operation::Kind::kAdvance, .to = static_cast<State>(1 + below(12))};
  }
}

Publish RandomAsker::publish(const Record& record) {
  Publish publish{.type = "agent_thinking", .payload = std::string(below(40), 'x')};
  if (one_in(3)) {
    publish.type = "notice";
    publish.idempotency_key = "key " + std::to_string(below(30));
    return publish;
  }
  publish.run = "run " + std::to_string(below(25));
  publish.number = 1;
  for (const Run& run : record.runs) {
    if (run.name == publish.run) publish.number = run.last_number + 1;
  }
  if (publish.number == 1) publish.type = "agent_started";
  if (publish.number > 1 && one_in(2)) publish.type = "agent_completed";
  if (one_in(6)) publish.number = below(6);
  return publish;
}

}  // namespace interlock
