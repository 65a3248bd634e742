// The numbered events of a key that its client has not acknowledged yet: cursors only.
#pragma once

#include <optional>

#include "coordinator/authority/decide.h"

namespace interlock {

// Cumulative; what is behind already or was never assigned changes nothing. Answers what to trim.
std::optional<SequenceRange> acknowledge(Record& record, Sequence sequence);

// CLOSED: what was not acknowledged has expired; runs and remembered keys are over.
std::optional<SequenceRange> end_sequence(Record& record);

// A new life of the sequence, from 1.
void begin_sequence(Record& record);

// Ranges of one key that follow each other.
std::optional<SequenceRange> joined(std::optional<SequenceRange> a, std::optional<SequenceRange> b);

}  // namespace interlock
