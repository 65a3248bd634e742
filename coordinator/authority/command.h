// What can be asked of the authority, and every answer it can give.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/authority/machine.h"

namespace interlock {

// ---- commands; all of them name one key, which stands beside them ----

enum class Policy : std::uint8_t { kTakeOver, kReject };

// What the client says that it has seen.
struct ClientPosition {
  Sequence last_sequence = 0;
  Generation generation = 0;  // of the hello under which it counted
};

struct Claim {
  std::string subject;
  std::string gateway_id;
  std::string claim_id;
  std::optional<Attempt> attempt;
  Policy policy = Policy::kTakeOver;
  State through = State::kConnecting;  // the steps up to here in the same commit
  std::optional<ClientPosition> position;
  bool has_backend = false;            // a backend is to be told when the machine ends
};

// A claim whose client has gone: detach it if it was granted, and never grant a late copy.
struct Abandon {
  std::string gateway_id;
  std::string claim_id;
};

struct Operation {
  enum class Kind : std::uint8_t { kAdvance, kDetach, kClose, kFail };
  std::uint64_t op = 0;
  Kind kind = Kind::kAdvance;
  State to = State::kConnecting;  // kAdvance
  Reason reason = Reason::kStep;  // the others
};

// All unanswered operations of the owner, lowest first.
struct Operate {
  std::string gateway_id;
  Generation generation = 0;
  std::vector<Operation> operations;
  Sequence acknowledged = 0;  // rides along; 0: none
};

struct Acknowledge {
  std::string gateway_id;
  Generation generation = 0;
  Sequence sequence = 0;
  Tick tick = 0;  // when it came; 0: now
};

struct Publish {
  std::string type;
  std::string payload;          // one JSON value, checked by the service
  std::string run;              // empty: outside a run
  std::uint64_t number = 0;
  std::string idempotency_key;  // outside a run
  std::uint64_t ttl_ms = 0;
};

// Remove a final record. Conditional on what the caller saw.
struct Forget {
  Generation generation = 0;
};

// Do what time has made due: an owner that has died, a deadline that has passed. Conditional on the
// revision at which it was seen.
struct Sweep {
  std::uint64_t seen = 0;
  bool capped = false;  // end it, if it waits without owner: its subject has begun another session
};

// A backend has been told of the end of this generation's machine, and of all below it.
struct ClosedTold {
  Generation generation = 0;
};

// What an operator does to a connection. Conditional on the generation that was seen.
struct Steer {
  enum class Kind : std::uint8_t {
    kKick,     // close the client's socket with `code`; for good, unless it may return
    kRelease,  // take it from its gateway, whatever that gateway says
  };
  Kind kind = Kind::kKick;
  Generation generation = 0;
  std::uint32_t code = 0;         // kKick
  bool may_return = true;         // kRelease: always
  std::string note;               // who, and why
};

// Asks for nothing but a look at the record that is surely the present one.
struct Lookup {};

using Command = std::variant<Claim, Abandon, Operate, Acknowledge, Publish, Forget, Sweep,
                             ClosedTold, Steer, Lookup>;

// ---- answers ----

struct Granted {
  Generation generation = kThisCommit;
  bool resumed = false;          // the sequence goes on behind the client's position
  bool position_lost = false;    // the client's position cannot be gone on from
  Sequence next_sequence = 1;    // the first one to deliver
  Sequence last_sequence = 0;    // the last one assigned
  State state = State::kConnecting;
  std::vector<State> steps;      // written for the new owner, in order
  Generation sequence_since = kThisCommit;
  bool took_over = false;        // a live owner was replaced
  bool capped = false;           // the subject is at its limit: one that waits must make room
};

struct Settled {};  // Abandon, Acknowledge, Forget, Sweep, ClosedTold, Steer

struct Receipt {
  Sequence sequence = 0;
  Generation sequence_since = 0;
  State state = State::kConnecting;  // effective, after the publish
  bool repeated = false;
};

struct Found {
  Record record;
  bool owner_attached = false;   // to the coordinator that answers; said by the engine
  bool orphaned = false;         // its owner's lease has run out; said by the engine
  std::uint64_t unacknowledged_ms = 0;  // as in SeenConnection; said by the engine
};

struct Stale { Generation current = 0; };
struct StaleGeneration { Generation current = 0; };
struct AlreadyOwned { Generation current = 0; std::uint64_t after_ms = 0; };
struct NotNow { std::uint64_t after_ms = 0; std::string message; };
struct PermissionDenied { std::string message; };
struct NotFound {};
struct IllegalTransition {
  State current = State::kConnecting;
  State requested = State::kConnecting;
};
struct Gone { State state = State::kClosed; };
struct ResourceExhausted { std::string limit; std::uint64_t value = 0; };
struct OutOfOrder { std::uint64_t last_number = 0; };
struct AlreadyAccepted { std::uint64_t last_number = 0; Sequence last_sequence = 0; };
struct UnknownRun {};
struct InvalidArgument { std::string field; std::string message; };
struct StoreAway { std::uint64_t after_ms = 0; };
struct GatewayExpired {};

using Refusal =
    std::variant<Stale, StaleGeneration, AlreadyOwned, NotNow, PermissionDenied, NotFound,
                 IllegalTransition, Gone, ResourceExhausted, OutOfOrder, AlreadyAccepted,
                 UnknownRun, InvalidArgument, StoreAway, GatewayExpired>;

struct RefusedOperation {
  std::uint64_t op = 0;
  Refusal refusal;
};
struct Done {
  std::uint64_t last_op = 0;
  State state = State::kConnecting;
  std::string owner;
  std::vector<State> steps;      // written by these operations, in order
  std::vector<RefusedOperation> refused;
  Sequence last_sequence = 0;
};

using Answer = std::variant<Granted, Done, Settled, Receipt, Found, Refusal>;

// Replaces kThisCommit in an answer by the number that the commit gave it.
void spell_out(Answer& answer, Generation generation);

}  // namespace interlock
