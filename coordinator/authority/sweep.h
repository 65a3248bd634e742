// What nobody asks for but time: owners that have died, and deadlines that have passed.
#pragma once

#include <optional>
#include <vector>

#include "coordinator/authority/limits.h"
#include "coordinator/authority/machine.h"

namespace interlock {

// The first tick at which time alone changes the record; nothing: never.
std::optional<Tick> due_tick(const Record& record, const DeadlineLimits& limits);

// Until when a backend is owed the news of an end; nothing: it is not.
std::optional<Tick> news_due(const Record& record, const DeadlineLimits& limits);

// Ends what the record was doing, since its owner is gone: it waits for its client, or has failed.
// Answers what to trim of the outbox.
std::optional<SequenceRange> let_go(Record& record, const Cause& cause,
                                    std::vector<Transition>& steps);

}  // namespace interlock
