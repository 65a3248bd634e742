#include "coordinator/authority/outbox.h"

#include <algorithm>

namespace interlock {
namespace {

void remember_expired(Record& record, Sequence sequence) {
  if (record.expired.size() == kExpiredMax) {
    record.expired_forgotten = record.expired.front();
    record.expired.erase(record.expired.begin());
  }
  record.expired.push_back(sequence);
}

}  // namespace

Tick due_of(Tick published, std::uint64_t ttl_ms) {
  constexpr std::uint64_t kTickMs = 1'000;
  // The tick that was passing does not count.
  return ttl_ms == 0 ? 0 : published + 1 + ttl_ms / kTickMs + (ttl_ms % kTickMs > 0 ? 1 : 0);
}

std::optional<SequenceRange> acknowledge(Record& record, Sequence sequence, Tick tick) {
  if (sequence <= record.acknowledged || sequence > record.last_sequence) return std::nullopt;
  const SequenceRange range{record.acknowledged + 1, sequence};
  const auto count = std::min<std::size_t>(sequence - record.acknowledged,
                                           record.outbox_sizes.size());
  record.outbox_sizes.erase(record.outbox_sizes.begin(),
                            record.outbox_sizes.begin() + static_cast<std::ptrdiff_t>(count));
  record.acknowledged = sequence;
  record.outbox_since_tick = tick;
  const auto kept = std::find_if(record.timed.begin(), record.timed.end(),
                                 [=](const TimedEvent& one) { return one.sequence > sequence; });
  for (auto gone = record.timed.begin(); gone != kept; ++gone) {
    if (tick >= gone->due) remember_expired(record, gone->sequence);
  }
  record.timed.erase(record.timed.begin(), kept);
  return range;
}

std::optional<SequenceRange> end_sequence(Record& record) {
  record.outbox_sizes.clear();
  record.timed.clear();
  record.runs.clear();
  record.publish_keys.clear();
  // `acknowledged` and `expired` stay: receipts tell by them what was acknowledged.
  if (record.last_sequence == record.acknowledged) return std::nullopt;
  return SequenceRange{record.acknowledged + 1, record.last_sequence};
}

void begin_sequence(Record& record) {
  record.sequence_since = kThisCommit;
  record.last_sequence = 0;
  record.acknowledged = 0;
  record.expired.clear();
  record.expired_forgotten = 0;
}

std::optional<SequenceRange> joined(std::optional<SequenceRange> a,
                                    std::optional<SequenceRange> b) {
  if (!a) return b;
  if (!b) return a;
  return SequenceRange{std::min(a->first, b->first), std::max(a->last, b->last)};
}

DeliveryState delivery_of(const Record& record, Sequence sequence, Generation since, Tick tick) {
  if (since != record.sequence_since || sequence == 0 || sequence > record.last_sequence) {
    return DeliveryState::kUnknown;
  }
  if (sequence > record.acknowledged) {
    if (record.state == State::kClosed) return DeliveryState::kExpired;
    const bool late = std::any_of(record.timed.begin(), record.timed.end(), [=](const auto& one) {
      return one.sequence == sequence && tick >= one.due;
    });
    return late ? DeliveryState::kExpired : DeliveryState::kAccepted;
  }
  if (std::find(record.expired.begin(), record.expired.end(), sequence) != record.expired.end()) {
    return DeliveryState::kExpired;
  }
  return sequence <= record.expired_forgotten ? DeliveryState::kUnknown
                                              : DeliveryState::kAcknowledged;
}

}  // namespace interlock
