// The numbered events of a key that its client has not acknowledged yet: cursors only.
#pragma once

#include <optional>

#include "coordinator/authority/decide.h"

namespace interlock {

// Cumulative; what is behind already or was never assigned changes nothing. Answers what to trim.
// `tick`: when the acknowledgement came. What had run out of time by then is remembered as expired.
std::optional<SequenceRange> acknowledge(Record& record, Sequence sequence, Tick tick);

// The tick from which on an event is delivered as expired; 0: never.
Tick due_of(Tick published, std::uint64_t ttl_ms);

// CLOSED: what was not acknowledged has expired; runs and remembered keys are over.
std::optional<SequenceRange> end_sequence(Record& record);

// A new life of the sequence, from 1.
void begin_sequence(Record& record);

// Ranges of one key that follow each other.
std::optional<SequenceRange> joined(std::optional<SequenceRange> a, std::optional<SequenceRange> b);

// What became of an event. kUnknown: of another life of the key, never assigned, or so long ago
// that the record cannot say any more.
enum class DeliveryState : std::uint8_t { kUnknown, kAccepted, kAcknowledged, kExpired };
DeliveryState delivery_of(const Record& record, Sequence sequence, Generation since, Tick tick);

}  // namespace interlock
