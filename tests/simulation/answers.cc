#include "tests/simulation/answers.h"

#include <algorithm>

#include "coordinator/service/refusal_message.h"

namespace interlock::sim {
namespace {

const interlock::Run* run_named(const Record& record, const std::string& name) {
  const auto found = std::find_if(record.runs.begin(), record.runs.end(),
                                  [&](const auto& run) { return run.name == name; });
  return found == record.runs.end() ? nullptr : &*found;
}

}  // namespace

std::string_view kind_of(const Answer& answer) {
  constexpr std::string_view kinds[] = {"Granted", "Done", "Settled", "Receipt", "Found"};
  if (const auto* refusal = std::get_if<Refusal>(&answer)) return name_of(*refusal);
  return answer.index() < std::size(kinds) ? kinds[answer.index()] : "other";
}

struct Answers::Check {
  const Truth& truth;
  const Leases& leases;
  const Asked& asked;
  Revision revision;

  template <class Matches>
  bool stood(Matches matches) const {
    return truth.stood_since(asked.key, asked.at, matches);
  }

  bool operator()(const Granted& granted) const {
    const auto& claim = std::get<Claim>(asked.command);
    const Truth::Granted* known = truth.generation(asked.key, granted.generation);
    return known != nullptr && known->claim_id == claim.claim_id &&
           (known->owner == claim.gateway_id || known->owner.empty()) &&
           known->since == granted.sequence_since;
  }
  // Every number that was sent is taken, durably.
  bool operator()(const Done& done) const {
    const auto& operate = std::get<Operate>(asked.command);
    const Truth::Granted* known = truth.generation(asked.key, operate.generation);
    return known != nullptr && known->last_op >= done.last_op &&
           done.last_op >= operate.operations.back().op;
  }
  bool operator()(const Receipt& receipt) const {
    const auto& publish = std::get<Publish>(asked.command);
    const OutboxEvent* event =
        truth.event(asked.key, receipt.sequence_since, receipt.sequence);
    return event != nullptr && event->run == publish.run && event->number == publish.number &&
           (!publish.run.empty() || event->id == publish.idempotency_key);
  }
  bool operator()(const Settled&) const {
    if (std::holds_alternative<Forget>(asked.command)) {
      return truth.absent_since(asked.key, asked.at);
    }
    const auto* abandon = std::get_if<Abandon>(&asked.command);
    return abandon == nullptr ||
           stood([&](const Record& record) { return is_spent(record, abandon->claim_id); });
  }
  bool operator()(const Found& found) const {
    return stood([&](const Record& record) { return record == found.record; });
  }
  bool operator()(const Refusal& refusal) const { return std::visit(*this, refusal); }

  bool names(Generation generation) const {
    return stood([&](const Record& record) { return record.generation == generation; });
  }
  bool operator()(const Stale& stale) const { return names(stale.current); }
  // One above the command's own needs no second look: it only rises.
  bool operator()(const StaleGeneration& stale) const {
    const auto* operate = std::get_if<Operate>(&asked.command);
    if (operate == nullptr || stale.current <= operate->generation) return names(stale.current);
    return truth.generation(asked.key, stale.current) != nullptr;
  }
  bool operator()(const AlreadyOwned& owned) const {
    const auto* claim = std::get_if<Claim>(&asked.command);
    return claim != nullptr && claim->policy == Policy::kReject &&
           stood([&](const Record& record) {
             return record.generation == owned.current && !record.owner.empty();
           });
  }
  bool operator()(const NotFound&) const { return truth.absent_since(asked.key, asked.at); }
  bool operator()(const IllegalTransition& illegal) const {
    return stood([&](const Record& record) { return record.state == illegal.current; });
  }
  bool operator()(const Gone& gone) const {
    return stood([&](const Record& record) { return record.state == gone.state; });
  }
  bool at_number(std::uint64_t number) const {
    const auto& publish = std::get<Publish>(asked.command);
    return stood([&](const Record& record) {
      const auto* run = run_named(record, publish.run);
      return run != nullptr && run->last_number == number;
    });
  }
  bool operator()(const OutOfOrder& order) const { return at_number(order.last_number); }
  bool operator()(const AlreadyAccepted& accepted) const {
    return at_number(accepted.last_number);
  }
  bool operator()(const UnknownRun&) const {
    const auto& publish = std::get<Publish>(asked.command);
    return stood([&](const Record& record) { return run_named(record, publish.run) == nullptr; });
  }
  bool operator()(const GatewayExpired&) const {
    const auto* claim = std::get_if<Claim>(&asked.command);
    return claim != nullptr && leases.expired(claim->gateway_id);
  }
  bool operator()(const ResourceExhausted&) const { return true; }
  bool operator()(const NotNow&) const { return true; }
  bool operator()(const StoreAway&) const { return true; }
  // Nobody asks for what is others'; only an operator can have denied it.
  bool operator()(const PermissionDenied&) const {
    return std::holds_alternative<Claim>(asked.command) &&
           stood([](const Record& record) { return is_barred(record); });
  }
  // Numbers may skip behind what a coordinator itself has taken, or a claim's generation was never.
  bool operator()(const InvalidArgument&) const {
    return std::holds_alternative<Operate>(asked.command);
  }
};

Answers::Answers(Run& run, Truth& truth, const Leases& leases)
    : run_(run), truth_(truth), leases_(leases) {
  truth.on_change([this](const Truth::Change& change) {
    if (!change.after || (change.before && change.before->claim_id == change.after->claim_id)) {
      return;
    }
    const auto claim = claims_.find(change.after->claim_id);
    if (claim != claims_.end() && claim->second.refused && claim->second.outstanding == 0 &&
        !claim->second.lost) {
      run_.wrong("{}: a claim is granted that was refused for good", change.key);
    }
  });
}

void Answers::asked(std::size_t coordinator, Ticket ticket, const std::string& key,
                    const Command& command) {
  asked_[ticket] = {coordinator, key, command, run_.time.now()};
  if (const auto* claim = std::get_if<Claim>(&command)) ++claims_[claim->claim_id].outstanding;
}

void Answers::answered(const Answered& answer) {
  const auto found = asked_.find(answer.ticket);
  if (found == asked_.end()) return run_.wrong("ticket {} is answered twice", answer.ticket);
  const Asked asked = std::move(found->second);
  asked_.erase(found);
  if (const auto* claim = std::get_if<Claim>(&asked.command)) {
    ClaimAsked& copies = claims_[claim->claim_id];
    --copies.outstanding;
    copies.refused = std::holds_alternative<Refusal>(answer.answer);
  }
  if (std::visit(Check{truth_, leases_, asked, answer.revision}, answer.answer)) return;
  // What is decided together becomes one write: an answer may tell of a state that another command
  // of the same write has gone on from, as long as that write is durable.
  const std::vector<Truth::Written>& all = truth_.of(asked.key);
  const bool durable = std::any_of(all.rbegin(), all.rend(), [&](const Truth::Written& written) {
    return written.revision == answer.revision && written.at >= asked.at;
  });
  if (durable && !std::holds_alternative<Granted>(answer.answer)) return;
  run_.wrong("{}: coordinator {} answers {} to what it was asked at {:.3f} ms, which was never so",
             asked.key, asked.coordinator, kind_of(answer.answer),
             static_cast<double>(asked.at) / 1'000);
}

void Answers::crashed(std::size_t coordinator) {
  std::erase_if(asked_, [&](const auto& one) {
    if (one.second.coordinator != coordinator) return false;
    if (const auto* claim = std::get_if<Claim>(&one.second.command)) {
      --claims_[claim->claim_id].outstanding;
      claims_[claim->claim_id].lost = true;
    }
    return true;
  });
}

}  // namespace interlock::sim
