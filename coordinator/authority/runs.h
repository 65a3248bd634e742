// Agent runs: named by their backend, numbered within, kept by the authority.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/authority/machine.h"
#include "coordinator/authority/sweep.h"

namespace interlock {

// The run of this name, or nullptr.
Run* find_run(Record& record, const std::string& name);
// A place for one more run: the run that ended first gives way. nullptr when all 16 are open.
Run* add_run(Record& record, const std::string& name);

// An event of this type has come for the run: it may open or end it, and the state moves with it.
void follow_run(Record& record, Run& run, const std::string& type, const Cause& cause,
                std::vector<Transition>& steps);

// The first tick at which an open run has been silent for too long; nothing: never.
std::optional<Tick> runs_due(const Record& record, const DeadlineLimits& limits);
// Ends the runs that have been; the state moves with the last one. Whether there was any.
bool end_silent_runs(Record& record, const DeadlineLimits& limits, const Cause& cause,
                     std::vector<Transition>& steps);

// A run that a backend had opened is over, for good.
struct RunEnded {
  std::string name;
  // The backend ended it and the client has acknowledged its last event. Otherwise it fell silent,
  // or the sequence ended first, or so many runs came behind it that nobody can say.
  bool complete = false;
  std::uint32_t kinds = 0;  // which of kAgentEvents it had, as in Run
};
// What the step from one record of a key to the next one ended; nullptr: there is none any more.
std::vector<RunEnded> ended_runs(const Record& before, const Record* after);

}  // namespace interlock
