#include "coordinator/authority/outbox.h"

#include <algorithm>

namespace interlock {

std::optional<SequenceRange> acknowledge(Record& record, Sequence sequence) {
  if (sequence <= record.acknowledged || sequence > record.last_sequence) return std::nullopt;
  const SequenceRange range{record.acknowledged + 1, sequence};
  const auto count = std::min<std::size_t>(sequence - record.acknowledged,
                                           record.outbox_sizes.size());
  record.outbox_sizes.erase(record.outbox_sizes.begin(),
                            record.outbox_sizes.begin() + static_cast<std::ptrdiff_t>(count));
  record.acknowledged = sequence;
  return range;
}

std::optional<SequenceRange> end_sequence(Record& record) {
  record.outbox_sizes.clear();
  record.runs.clear();
  record.publish_keys.clear();
  // `acknowledged` stays: receipts tell by it what was acknowledged and what expired.
  if (record.last_sequence == record.acknowledged) return std::nullopt;
  return SequenceRange{record.acknowledged + 1, record.last_sequence};
}

void begin_sequence(Record& record) {
  record.sequence_since = kThisCommit;
  record.last_sequence = 0;
  record.acknowledged = 0;
}

std::optional<SequenceRange> joined(std::optional<SequenceRange> a,
                                    std::optional<SequenceRange> b) {
  if (!a) return b;
  if (!b) return a;
  return SequenceRange{std::min(a->first, b->first), std::max(a->last, b->last)};
}

}  // namespace interlock
