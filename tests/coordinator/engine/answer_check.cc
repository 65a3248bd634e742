#include "tests/coordinator/engine/answer_check.h"

#include <algorithm>

#include "fmt/format.h"

namespace interlock {
namespace {

const Run* run_of(const Record& record, const std::string& name) {
  const auto found = std::find_if(record.runs.begin(), record.runs.end(),
                                  [&](const Run& run) { return run.name == name; });
  return found == record.runs.end() ? nullptr : &*found;
}

}  // namespace

// True: some moment since the question, and up to now, made this the right answer.
struct AnswerCheck::Truth {
  const Ledger& ledger;
  const Asked& asked;

  template <class Matches>
  bool stood(Matches matches) const {
    return ledger.stood_since(asked.key, asked.at_ms, matches);
  }

  bool operator()(const Granted& granted) const {
    const auto& claim = std::get<Claim>(asked.command);
    return ledger.find(asked.key, granted.generation, [&](const Record& record) {
      return record.claim_id == claim.claim_id && record.owner == claim.gateway_id;
    }) != nullptr;
  }
  bool operator()(const Done& done) const {
    const Generation generation = std::get<Operate>(asked.command).generation;
    return ledger.find(asked.key, generation, [&](const Record& record) {
      return record.last_op >= done.last_op;
    }) != nullptr;
  }
  bool operator()(const Receipt& receipt) const {
    const auto& publish = std::get<Publish>(asked.command);
    return std::any_of(ledger.events().begin(), ledger.events().end(), [&](const auto& one) {
      return one.key == asked.key && one.since == receipt.sequence_since &&
             one.event.sequence == receipt.sequence && one.event.run == publish.run &&
             one.event.number == publish.number &&
             (!publish.run.empty() || one.event.id == publish.idempotency_key);
    });
  }
  bool operator()(const Settled&) const {
    const auto* forget = std::get_if<Forget>(&asked.command);
    if (forget != nullptr) return ledger.absent_since(asked.key, asked.at_ms);
    const auto* abandon = std::get_if<Abandon>(&asked.command);
    return abandon == nullptr || stood([&](const Record& record) {
             return is_spent(record, abandon->claim_id);
           });
  }
  bool operator()(const Found& found) const {
    return stood([&](const Record& record) { return record == found.record; });
  }

  bool operator()(const Refusal& refusal) const { return std::visit(*this, refusal); }
  bool names(Generation generation) const {
    return stood([&](const Record& record) { return record.generation == generation; });
  }
  bool operator()(const Stale& stale) const { return names(stale.current); }
  // Above the command's own it only rises, and needs no second look.
  bool operator()(const StaleGeneration& stale) const {
    const auto* operate = std::get_if<Operate>(&asked.command);
    if (operate == nullptr || stale.current <= operate->generation) return names(stale.current);
    return ledger.find(asked.key, stale.current, [](const Record&) { return true; }) != nullptr;
  }
  bool operator()(const AlreadyOwned& owned) const {
    return stood([&](const Record& record) {
      return record.generation == owned.current && !record.owner.empty();
    });
  }
  bool operator()(const NotFound&) const { return ledger.absent_since(asked.key, asked.at_ms); }
  bool operator()(const IllegalTransition& illegal) const {
    return stood([&](const Record& record) { return record.state == illegal.current; });
  }
  bool operator()(const Gone& gone) const {
    return stood([&](const Record& record) { return record.state == gone.state; });
  }
  bool operator()(const OutOfOrder& order) const {
    const std::string& name = std::get<Publish>(asked.command).run;
    return stood([&](const Record& record) {
      const Run* run = run_of(record, name);
      return run != nullptr && run->last_number == order.last_number;
    });
  }
  bool operator()(const AlreadyAccepted& accepted) const {
    return (*this)(OutOfOrder{accepted.last_number});
  }
  bool operator()(const UnknownRun&) const {
    const std::string& name = std::get<Publish>(asked.command).run;
    return stood([&](const Record& record) { return run_of(record, name) == nullptr; });
  }
  bool operator()(const ResourceExhausted&) const { return true; }
  bool operator()(const NotNow&) const { return true; }
  bool operator()(const StoreAway&) const { return true; }
  bool operator()(const GatewayExpired&) const { return true; }
  bool operator()(const PermissionDenied&) const { return false; }  // nobody asks for others
  bool operator()(const InvalidArgument&) const { return false; }
};

AnswerCheck::AnswerCheck(EngineWorld& world, const Ledger& ledger, bool states_between)
    : world_(world), ledger_(ledger), states_between_(states_between) {
  world_.on_answer = [this](const EngineWorld::Given& given) { take(given); };
}

Ticket AnswerCheck::ask(std::size_t coordinator, const std::string& key, Command command,
                        Heard heard) {
  if (!world_.alive(coordinator)) return 0;
  if (const auto* claim = std::get_if<Claim>(&command)) {
    ++claims_asked_[claim->claim_id];
    dead_claims_.erase(claim->claim_id);
  }
  const Ticket ticket = world_.ask(coordinator, key, command);
  asked_[ticket] = {coordinator, key, std::move(command), world_.now_ms(), std::move(heard)};
  return ticket;
}

void AnswerCheck::crashed(std::size_t coordinator) {
  std::erase_if(asked_, [&](const auto& one) { return one.second.coordinator == coordinator; });
}

void AnswerCheck::take(const EngineWorld::Given& given) {
  const auto found = asked_.find(given.ticket);
  if (found == asked_.end()) return;  // answered twice, which the world has noticed
  const Asked asked = std::move(found->second);
  asked_.erase(found);
  const std::string said = describe(given.answer);
  ++answers[said.substr(0, said.find(' '))];
  const auto durable = [&] {
    const auto& all = ledger_.of(given.key);
    return std::any_of(all.begin(), all.end(), [&](const Ledger::Written& written) {
      return written.revision == given.revision;
    });
  };
  if (!std::visit(Truth{ledger_, asked}, given.answer) && !(states_between_ && durable())) {
    wrong.push_back(fmt::format("{} ms: ticket {} about {}, asked at {} ms, is answered {}",
                                given.at_ms, given.ticket, given.key, asked.at_ms, said));
  }
  const auto* claim = std::get_if<Claim>(&asked.command);
  const auto* refusal = std::get_if<Refusal>(&given.answer);
  if (claim != nullptr && refusal != nullptr && std::holds_alternative<StoreAway>(*refusal)) {
    if (claims_asked_[claim->claim_id] == 1) dead_claims_[claim->claim_id] = given.key;
  }
  if (asked.heard) asked.heard(given.answer);
}

void AnswerCheck::check_dead_claims() {
  for (const auto& [id, key] : dead_claims_) {
    for (const Ledger::Written& written : ledger_.of(key)) {
      if (written.record && written.record->claim_id == id) {
        wrong.push_back(id + " was told that nothing was done, and was granted " + key);
      }
    }
  }
}

}  // namespace interlock
