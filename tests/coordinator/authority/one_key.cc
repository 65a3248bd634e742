#include "tests/coordinator/authority/one_key.h"

#include <ostream>
#include <sstream>

namespace interlock {
namespace {

template <class Values>
std::string listed(const Values& values) {
  std::string text;
  for (const auto& value : values)
    text += (text.empty() ? "" : ", ") + testing::PrintToString(value);
  return "[" + text + "]";
}

// The answers' own words for what was refused; the order is that of the variant.
constexpr const char* kRefusals[] = {"Stale",
                                     "StaleGeneration",
                                     "AlreadyOwned",
                                     "NotNow",
                                     "PermissionDenied",
                                     "NotFound",
                                     "IllegalTransition",
                                     "Gone",
                                     "ResourceExhausted",
                                     "OutOfOrder",
                                     "AlreadyAccepted",
                                     "UnknownRun",
                                     "InvalidArgument",
                                     "StoreAway",
                                     "GatewayExpired"};
constexpr const char* kAnswers[] = {"Granted", "Done", "Settled", "Receipt", "Found", "refused: "};

}  // namespace

void PrintTo(State state, std::ostream* out) { *out << name_of(state); }

void PrintTo(Reason reason, std::ostream* out) { *out << "reason " << static_cast<int>(reason); }

void PrintTo(const Transition& entry, std::ostream* out) {
  *out << name_of(entry.from) << ">" << name_of(entry.to) << " by " << static_cast<int>(entry.actor)
       << " for " << static_cast<int>(entry.reason) << " in " << entry.generation << " at "
       << entry.tick << " x" << entry.count;
}

void PrintTo(const Record& record, std::ostream* out) {
  *out << name_of(record.state) << " generation " << record.generation << " owner '" << record.owner
       << "' op " << record.last_op << " claim '" << record.claim_id << "' spent "
       << listed(record.spent_claim_ids) << " sequence " << record.acknowledged << "/"
       << record.last_sequence << " since " << record.sequence_since << " runs "
       << record.runs.size() << " (" << open_runs(record) << " open) keys "
       << record.publish_keys.size() << " changed " << record.changed_tick << " history "
       << listed(record.transitions);
}

std::string describe(const Answer& answer) {
  std::string text = kAnswers[answer.index()];
  if (const auto* refusal = std::get_if<Refusal>(&answer)) text += kRefusals[refusal->index()];
  return text;
}

Answer OneKey::ask(const Command& command) {
  decision = decide(record, command, context);
  if (wrote()) commit();
  return decision.answer;
}

void OneKey::commit() {
  ++revision;
  spell_out(decision.answer, revision);
  for (Transition& step : decision.steps) {
    if (step.generation == kThisCommit) step.generation = revision;
  }
  if (decision.remove) {
    record.reset();
  } else {
    spell_out(*decision.record, revision);
    record = decision.record;
  }
}

std::vector<State> OneKey::written() const {
  std::vector<State> states;
  for (const Transition& step : decision.steps) states.push_back(step.to);
  return states;
}

// ---- what is asked ----

Claim claim_by(std::string gateway, std::string claim_id, State through) {
  return {.subject = kAlice,
          .gateway_id = std::move(gateway),
          .claim_id = std::move(claim_id),
          .through = through};
}

Operation advance(State to) { return {.kind = Operation::Kind::kAdvance, .to = to}; }
Operation detach(Reason reason) { return {.kind = Operation::Kind::kDetach, .reason = reason}; }
Operation close(Reason reason) { return {.kind = Operation::Kind::kClose, .reason = reason}; }
Operation fail(Reason reason) { return {.kind = Operation::Kind::kFail, .reason = reason}; }

std::vector<Operation> numbered(std::uint64_t first, std::vector<Operation> operations) {
  for (Operation& operation : operations) operation.op = first++;
  return operations;
}

Operate by_owner(const OneKey& key, std::vector<Operation> operations) {
  return {.gateway_id = key.now().owner,
          .generation = key.now().generation,
          .operations = numbered(key.now().last_op + 1, std::move(operations))};
}

Publish event_outside(std::string idempotency_key, std::string payload) {
  return {.type = "notice",
          .payload = std::move(payload),
          .idempotency_key = std::move(idempotency_key)};
}

Publish event_of(std::string run, std::uint64_t number, std::string type) {
  return {.type = std::move(type), .payload = "{}", .run = std::move(run), .number = number};
}

Publish opens(std::string run) { return event_of(std::move(run), 1, "agent_started"); }

Publish ends(std::string run, std::uint64_t number) {
  return event_of(std::move(run), number, "agent_completed");
}

// ---- where stories begin ----

OneKey waiting_key() {
  OneKey key;
  key.ask(claim_by(kHere, "claim before", State::kProcessingReady));
  key.ask(by_owner(key, {detach()}));
  return key;
}

OneKey key_in(State state) {
  OneKey key;
  if (state == State::kReconnecting) key = waiting_key();
  const bool directly = is_setup(state) || state == State::kDegraded;
  const State through = state == State::kReconnecting ? State::kConnecting
                        : directly                    ? state
                                                      : State::kProcessingReady;
  key.ask(claim_by(kHere, "claim", through));
  if (state == State::kProcessing) key.ask(opens("run"));
  if (state == State::kIdle) key.ask(by_owner(key, {advance(State::kIdle)}));
  if (state == State::kClosing) key.ask(by_owner(key, {advance(State::kClosing)}));
  if (state == State::kClosed) key.ask(by_owner(key, {close()}));
  if (state == State::kFailed) key.ask(by_owner(key, {fail()}));
  EXPECT_EQ(key.now().state, state);
  return key;
}

}  // namespace interlock
