// The record of a key: everything that is known about a connection, as a value.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/authority/lifecycle.h"
#include "coordinator/authority/limits.h"
#include "coordinator/authority/rare_text.h"

namespace interlock {

// The fencing token of a claim: base + revision of the commit that granted it. Within a commit that
// is still under way it has no number yet; kThisCommit stands for it and is above every other one.
using Generation = std::uint64_t;
constexpr Generation kThisCommit = ~Generation{0};
using Sequence = std::uint64_t;
// Sequences first..last, both included.
struct SequenceRange {
  Sequence first = 0;
  Sequence last = 0;
};

// The numbers of the next two are those of `v1::Actor` and `v1::Reason`, and are stored.
enum class Actor : std::uint8_t {
  kClient = 1, kOwner = 2, kClaimant = 3, kBackend = 4, kAdmin = 5, kAuthority = 6,
};
enum class Reason : std::uint8_t {
  kClaimed = 1, kResumed = 2, kTakenOver = 3, kDisplaced = 4, kStep = 5, kSocketLost = 6,
  kClientDone = 7, kServerDone = 8, kBackendAway = 9, kBackendBack = 10, kRunOpened = 11,
  kRunsEnded = 12, kSetupFailed = 13, kAbandoned = 14, kGatewayLeft = 15, kGatewayExpired = 16,
  kResumeExpired = 17, kSetupExpired = 18, kKicked = 19, kReleasedByForce = 20,
  kSessionsCapped = 21,
};

struct Attempt {
  Generation generation = 0;  // of the last hello that the client saw, or 0
  std::uint64_t tries = 0;    // since then
  friend auto operator<=>(const Attempt&, const Attempt&) = default;
};

struct Transition {
  State from = State::kConnecting;  // for the start of a machine: CONNECTING, as `to`
  State to = State::kConnecting;
  Actor actor = Actor::kAuthority;
  Reason reason = Reason::kStep;
  std::uint32_t count = 1;          // above 1: pairs of PROCESSING and back that share this entry
  Generation generation = 0;
  Tick tick = 0;
  std::int64_t time_unix_ms = 0;    // display only
  RareText note;                    // of an operator's step: who, and why
  RareText unknown;                 // fields of a newer build, byte for byte
  friend bool operator==(const Transition&, const Transition&) = default;
};

// How many steps an entry stands for: of pairs, all but the way back from the last one.
inline std::uint64_t steps_of(const Transition& entry) {
  return 2 * std::uint64_t{entry.count} - 1;
}

struct Run {
  std::string name;
  std::uint64_t last_number = 0;
  Sequence last_sequence = 0;
  Tick tick = 0;                    // of the last event
  bool open = false;                // agent_started came, agent_completed did not
  std::uint64_t ended_order = 0;    // the one that ended first is replaced first
  std::uint32_t kinds = 0;          // bit i: an event of kAgentEvents[i] has come
  bool silent = false;              // it ended because nothing came any more
  std::string unknown;
  friend bool operator==(const Run&, const Run&) = default;
};

// The events of an agent run: the first opens it, the last ends it.
constexpr std::array<std::string_view, 5> kAgentEvents = {
    "agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"};

// An event of the outbox that has a time to live.
struct TimedEvent {
  Sequence sequence = 0;
  Tick due = 0;                     // from then on it is delivered as expired
  std::string unknown;
  friend bool operator==(const TimedEvent&, const TimedEvent&) = default;
};

struct PublishKey {
  std::string key;
  Sequence sequence = 0;
  std::string unknown;
  friend bool operator==(const PublishKey&, const PublishKey&) = default;
};

struct Kick {
  std::uint32_t code = 0;
  bool may_return = false;
  Generation generation = 0;
  std::string unknown;
  friend bool operator==(const Kick&, const Kick&) = default;
};

struct Record {
  State state = State::kConnecting;
  Generation generation = kThisCommit;
  std::string subject;
  std::string owner;                          // gateway id; empty: nobody
  std::uint64_t last_op = 0;                  // last owner operation taken in this generation
  std::string claim_id;                       // of the current grant
  std::optional<Attempt> attempt;             // of the claim that made the current generation
  std::vector<std::string> spent_claim_ids;   // superseded or abandoned, oldest first
  Generation sequence_since = kThisCommit;    // since when the sequence has been going on
  Sequence last_sequence = 0;                 // last one assigned
  Sequence acknowledged = 0;                  // what lies above it is the outbox
  std::vector<std::uint32_t> outbox_sizes;    // payload bytes of each event held, oldest first
  std::vector<TimedEvent> timed;              // of the events held, oldest first
  std::vector<Sequence> expired;              // of those acknowledged, the last ones; oldest first
  Sequence expired_forgotten = 0;             // up to here `expired` may lack some
  Tick outbox_since_tick = 0;                 // last acknowledgement, or first event behind it
  std::vector<Run> runs;                      // oldest first
  std::vector<PublishKey> publish_keys;       // oldest first
  std::vector<Transition> transitions;        // oldest first
  std::uint64_t transitions_total = 0;        // of this record, ever
  Tick changed_tick = 0;                      // last change of state or owner
  Generation closed_pending = 0;              // highest generation ended, no backend told yet
  Tick closed_pending_tick = 0;
  Reason closed_pending_reason = Reason::kStep;
  std::optional<Kick> kick;
  bool operational = false;                   // this machine has been operational
  bool has_backend = false;                   // a backend is to be told of this machine's end
  std::string unknown;                        // fields of a newer build, byte for byte
  friend bool operator==(const Record&, const Record&) = default;
};

// Limits of what a record keeps. Compact on purpose: every coordinator holds every record.
constexpr std::size_t kTransitionsMax = 16;
constexpr std::size_t kSpentClaimIdsMax = 8;
constexpr std::size_t kRunsMax = 16;
constexpr std::size_t kPublishKeysMax = 16;
constexpr std::size_t kExpiredMax = 16;

// Nobody is the owner of what has none, whatever it calls itself.
inline bool is_owner(const Record& record, std::string_view gateway_id) {
  return !record.owner.empty() && record.owner == gateway_id;
}

// Who moved it, why and when.
struct Cause {
  Actor actor = Actor::kAuthority;
  Reason reason = Reason::kStep;
  Tick tick = 0;
  std::int64_t time_unix_ms = 0;
  std::string note{};
};

// Writes the state and its history entry; the caller has asked may_follow. `steps` gets the entry.
void enter(Record& record, State to, const Cause& cause, std::vector<Transition>& steps);
// The start of a machine: CONNECTING, in a record that may have had another one before.
void start_machine(Record& record, const Cause& cause, std::vector<Transition>& steps);

void spend_claim_id(Record& record, std::string claim_id);
bool is_spent(const Record& record, std::string_view claim_id);
// An operator has ended it for good: while the record is kept, nobody claims it.
bool is_barred(const Record& record);
std::size_t open_runs(const Record& record);
std::uint64_t outbox_bytes(const Record& record);
inline std::uint64_t outbox_events(const Record& record) {
  return record.last_sequence - record.acknowledged;
}

// Replaces kThisCommit by the number that the commit gave it.
void spell_out(Record& record, Generation generation);

}  // namespace interlock
