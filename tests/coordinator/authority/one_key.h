// One connection key under the authority, for tests that tell its story: every decision is
// committed at once, and each commit has the next revision.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/authority/decide.h"

namespace interlock {

// How values look in the message of a failed test.
void PrintTo(State state, std::ostream* out);
void PrintTo(Reason reason, std::ostream* out);
void PrintTo(const Transition& entry, std::ostream* out);
void PrintTo(const Record& record, std::ostream* out);
std::string describe(const Answer& answer);

// First and last, as a value that compares.
using Range = std::optional<std::pair<Sequence, Sequence>>;
inline Range range(const std::optional<SequenceRange>& range) {
  return range ? Range({range->first, range->last}) : Range();
}

// A test's record is a value, or none.
inline Decision decide(const std::optional<Record>& record, const Command& command,
                       const Context& context) {
  return decide(record ? &*record : nullptr, command, context);
}

class OneKey {
 public:
  // Decides, commits, and answers as the asker is answered: every generation spelled out.
  Answer ask(const Command& command);

  const Record& now() const { return record.value(); }
  // The states that the last command wrote, in order.
  std::vector<State> written() const;
  bool wrote() const { return decision.record.has_value() || decision.remove; }

  std::optional<Record> record;
  Context context{.tick = 100, .time_unix_ms = 1'700'000'000'000};
  Decision decision;         // the last one
  Generation revision = 1'000;  // of the last commit

 private:
  void commit();
};

inline Range trimmed(const OneKey& key) { return range(key.decision.trim); }

// ---- what is asked ----

inline constexpr const char* kAlice = "alice";
inline constexpr const char* kHere = "gateway-here";  // the gateway that most stories are about
inline constexpr const char* kThere = "gateway-there";  // the other one

Claim claim_by(std::string gateway, std::string claim_id, State through = State::kConnecting);

Operation advance(State to);
Operation detach(Reason reason = Reason::kSocketLost);
Operation close(Reason reason = Reason::kClientDone);
Operation fail(Reason reason = Reason::kSetupFailed);
// Numbers the operations first, first + 1 ...
std::vector<Operation> numbered(std::uint64_t first, std::vector<Operation> operations);
// What the owner of this moment asks for next.
Operate by_owner(const OneKey& key, std::vector<Operation> operations);

Publish event_outside(std::string idempotency_key, std::string payload = "{}");
Publish event_of(std::string run, std::uint64_t number, std::string type = "agent_thinking");
Publish opens(std::string run);  // its event number 1
Publish ends(std::string run, std::uint64_t number = 2);

// ---- where stories begin ----

// A key in this state, owned by kHere under the claim id "claim" (a final one: by nobody any more).
// RECONNECTING: the client is back, its session is being set up again.
OneKey key_in(State state);
// RECONNECTING, and nobody has come back yet.
OneKey waiting_key();

// ---- answers ----

// The answer, when it is of this kind; otherwise the test has failed.
template <class What>
What answered(const Answer& answer) {
  if (const What* what = std::get_if<What>(&answer)) return *what;
  ADD_FAILURE() << "the answer is " << describe(answer);
  return {};
}

template <class What>
What refused(const Answer& answer) {
  if (const Refusal* refusal = std::get_if<Refusal>(&answer)) {
    if (const What* what = std::get_if<What>(refusal)) return *what;
  }
  ADD_FAILURE() << "the answer is " << describe(answer);
  return {};
}

template <class What>
What refused(const RefusedOperation& operation) {
  return refused<What>(Answer{operation.refusal});
}

}  // namespace interlock
