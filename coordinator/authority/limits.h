// How much, and for how long, with the defaults.
#pragma once

#include <cstdint>

namespace interlock {

// The store's own clock: a number that rises by one about every second while any deadline is
// pending, and stands still while the store is away.
using Tick = std::uint64_t;

// In ticks, counted from the last change of state or owner. A tick is a second, about.
struct DeadlineLimits {
  Tick resume_window_ticks = 120;  // RECONNECTING without owner, then CLOSED
  Tick setup_ticks = 30;           // setup, RECONNECTING with an owner, and CLOSING
  Tick retention_ticks = 600;      // of a final record
  Tick closed_pending_ticks = 86'400;  // how long a backend may be owed the news of an end
  Tick run_silence_ticks = 600;        // an open run without an event for so long has ended
};

struct AuthorityLimits {
  std::uint64_t outbox_events_max = 1000;
  std::uint64_t outbox_bytes_max = 1024 * 1024;
  std::uint64_t outbox_age_ticks_max = 86'400;  // nothing acknowledged for so long; 0: no limit
  std::uint64_t payload_bytes_max = 64 * 1024;
  std::uint64_t run_name_bytes_max = 128;
  std::uint64_t idempotency_key_bytes_max = 128;
  std::uint64_t operations_max = 16;       // in one message
  std::uint64_t duplicate_after_ms = 5'000;  // REJECT: when to come back
  std::uint64_t no_room_after_ms = 5'000;  // the store is short of room: when to come back
  std::uint64_t sessions_per_subject_max = 20;  // live ones; 0: no limit
  std::uint64_t records_max = 1'000'000;   // of all subjects, final ones included
  DeadlineLimits deadlines;
};

}  // namespace interlock
