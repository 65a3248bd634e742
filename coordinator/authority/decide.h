// The authority: what a command does to a record. The whole semantics of Interlock is here.
//
// Pure: no I/O, no clock, no thread, no log. An answer exists as a value next to the write that it
// rests on; the engine lets it go only after that write is durable, or, for an answer that writes
// nothing, after the record was checked to be the present one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/authority/command.h"
#include "coordinator/authority/limits.h"
#include "coordinator/authority/sweep.h"

namespace interlock {

// What a claim that begins a session adds to, as far as the memory that answers knows: approximate.
struct Admission {
  std::uint64_t records = 0;               // of all subjects
  std::uint64_t subject_records = 0;       // of the claim's subject; 0: it is not limited
  std::uint64_t subject_live = 0;          // of these, neither CLOSED nor FAILED
  std::uint64_t subject_waiting = 0;       // of these, without owner: one of them can make room
};

// What decide needs to know of the world. Everything in it is a value that somebody else looked up.
struct Context {
  Tick tick = 0;
  std::int64_t time_unix_ms = 0;           // display only
  std::uint64_t revision = 0;              // of the record; 0: changed by the commit under way
  bool owner_lives = true;                 // the lease of the record's owner, if it has one
  bool claimant_expired = false;           // the lease of the claiming gateway has run out
  std::uint64_t takeover_after_ms = 0;     // above 0: too many takeovers of this key of late
  std::optional<Admission> admission;      // for a claim that begins a session
  std::string no_room;                     // why the store may not grow now; empty: it may
  AuthorityLimits limits;
};

// An event as it goes into the outbox.
struct OutboxEvent {
  Sequence sequence = 0;
  std::string type;
  std::string run;
  std::uint64_t number = 0;
  std::string id;                          // the idempotency key, or run/number
  std::string payload;
  Tick tick = 0;
  std::uint64_t ttl_ms = 0;
  std::int64_t time_unix_ms = 0;
  bool expired = false;                    // its time ran out: only its number is delivered
};

struct Decision {
  Answer answer;
  std::optional<Record> record;            // to be written; nothing: the answer writes nothing
  bool remove = false;                     // the record is to be deleted
  std::optional<OutboxEvent> put;
  std::optional<SequenceRange> trim;       // of the outbox, before `put`
  std::vector<Transition> steps;           // what happened to the machine, in order
};

// `record`: as it stands, with every generation spelled out but those of the commit under way;
// nullptr: there is none.
Decision decide(const Record* record, const Command& command, const Context& context);

// One function per command; each in a file of its own name.
Decision decide_claim(const Record* record, const Claim& claim, const Context& context);
Decision decide_abandon(const Record& record, const Abandon& abandon, const Context& context);
Decision decide_operate(const Record& record, const Operate& operate, const Context& context);
Decision decide_acknowledge(const Record& record, const Acknowledge& acknowledge,
                            const Context& context);
Decision decide_publish(const Record& record, const Publish& publish, const Context& context);
Decision decide_forget(const Record& record, const Forget& forget);
Decision decide_sweep(const Record& record, const Sweep& sweep, const Context& context);
Decision decide_steer(const Record& record, const Steer& steer, const Context& context);
Decision decide_closed_told(const Record& record, const ClosedTold& told);

}  // namespace interlock
