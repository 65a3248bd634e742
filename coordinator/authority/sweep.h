// What nobody asks for but time: owners that have died, and deadlines that have passed.
#pragma once

#include <optional>
#include <vector>

#include "coordinator/authority/machine.h"

namespace interlock {

// In ticks, counted from the last change of state or owner. A tick is a second, about.
struct DeadlineLimits {
  Tick resume_window_ticks = 120;  // RECONNECTING without owner, then CLOSED
  Tick setup_ticks = 30;           // setup, RECONNECTING with an owner, and CLOSING
  Tick retention_ticks = 600;      // of a final record
  Tick closed_pending_ticks = 86'400;  // how long a backend may be owed the news of an end
  Tick run_silence_ticks = 600;        // an open run without an event for so long has ended
};

// The first tick at which time alone changes the record; nothing: never.
std::optional<Tick> due_tick(const Record& record, const DeadlineLimits& limits);

// Until when a backend is owed the news of an end; nothing: it is not.
std::optional<Tick> news_due(const Record& record, const DeadlineLimits& limits);

// Ends what the record was doing, since its owner is gone: it waits for its client, or has failed.
// Answers what to trim of the outbox.
std::optional<SequenceRange> let_go(Record& record, const Cause& cause,
                                    std::vector<Transition>& steps);

}  // namespace interlock
