// How states, actors and reasons are called when a person reads them.
#pragma once

#include <string>

#include "coordinator/ctl/style.h"
#include "interlock/v1/admin.pb.h"
#include "interlock/v1/connection.pb.h"

namespace interlock {

// States keep the spelling of the documentation: `PROCESSING_READY`. Actors and reasons are words:
// `owner`, `socket lost`. A number that this build does not know is `unknown (23)`, an absent one
// `-`.
std::string human_name(v1::State state);
std::string human_name(v1::Actor actor);
std::string human_name(v1::Reason reason);

// `IDLE -> PROCESSING`; the start of a machine, which has no state before it, is `new ->
// CONNECTING`.
std::string human_step(v1::State from, v1::State to);

// The pairs that share a history entry, `x3`; empty for a single step.
std::string human_count(const v1::HistoryEntry& entry);

// Operational states look good, setup and waiting ones look as if they will change.
Style style_of(v1::State state);

}  // namespace interlock
