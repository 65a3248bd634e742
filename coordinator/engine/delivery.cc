#include "coordinator/engine/delivery.h"

#include <algorithm>

#include "coordinator/authority/outbox.h"
#include "coordinator/engine/record_codec.h"

namespace interlock {

// ---- RecentEvents ----

void RecentEvents::add(const std::string& key, Generation since, OutboxEvent event) {
  Held& held = by_key_[key];
  const bool follows = held.since == since && !held.events.empty() &&
                       held.events.back().sequence + 1 == event.sequence;
  if (!follows) {
    for (const OutboxEvent& old : held.events) bytes_ -= old.payload.size();
    held.events.clear();
    held.since = since;
  }
  bytes_ += event.payload.size();
  held.events.push_back(std::move(event));
  order_.emplace_back(key);
  while ((bytes_ > bytes_max_ || order_.size() > kEventsMax) && !order_.empty()) drop_oldest();
}

void RecentEvents::drop_oldest() {
  const std::string key = std::move(order_.front());
  order_.pop_front();
  const auto held = by_key_.find(key);
  if (held == by_key_.end()) return;
  if (!held->second.events.empty()) {
    bytes_ -= held->second.events.front().payload.size();
    held->second.events.pop_front();
  }
  if (held->second.events.empty()) by_key_.erase(held);
}

std::vector<OutboxEvent> RecentEvents::take(const std::string& key, Generation since,
                                            Sequence first, std::uint32_t count_max,
                                            std::size_t bytes_max) const {
  std::vector<OutboxEvent> events;
  const auto held = by_key_.find(key);
  if (held == by_key_.end() || held->second.since != since || held->second.events.empty()) {
    return events;
  }
  const std::deque<OutboxEvent>& kept = held->second.events;
  if (first < kept.front().sequence) return events;
  std::size_t bytes = 0;
  for (std::size_t i = first - kept.front().sequence; i < kept.size(); ++i) {
    if (events.size() == count_max || bytes >= bytes_max) break;
    bytes += kept[i].payload.size();
    events.push_back(kept[i]);
  }
  return events;
}

// ---- Deliveries ----

Deliveries::Deliveries(const EngineLimits& limits)
    : limits_(limits), recent_(limits.recent_events_bytes_max) {}

void Deliveries::open(StreamId stream, std::uint64_t credit_bytes) {
  lanes_[stream].credit = static_cast<std::int64_t>(credit_bytes);
}

void Deliveries::close(StreamId stream) { lanes_.erase(stream); }

void Deliveries::add_credit(StreamId stream, std::uint64_t bytes) {
  const auto lane = lanes_.find(stream);
  if (lane != lanes_.end()) lane->second.credit += static_cast<std::int64_t>(bytes);
}

void Deliveries::attend(StreamId stream, const std::string& key, Generation generation,
                        Generation since, Sequence next) {
  if (!lanes_.contains(stream)) return;
  cursors_[key] =
      Cursor{.stream = stream, .generation = generation, .since = since, .next = next};
}

bool Deliveries::attends(const std::string& key, Generation generation) const {
  const auto cursor = cursors_.find(key);
  return cursor != cursors_.end() && cursor->second.generation == generation &&
         lanes_.contains(cursor->second.stream);
}

void Deliveries::leave(const std::string& key) { cursors_.erase(key); }

void Deliveries::progress(const std::string& key, const Record& record) {
  const auto found = cursors_.find(key);
  if (found == cursors_.end()) return;
  Cursor& cursor = found->second;
  if (!lanes_.contains(cursor.stream)) {
    cursors_.erase(found);
    return;
  }
  cursor.last = std::max(cursor.last, record.last_sequence);
  cursor.outbox_bytes = outbox_bytes(record);
  if (cursor.next <= record.acknowledged) {
    cursor.next = record.acknowledged + 1;
    cursor.rests_until_ms = 0;  // what could not be read is not wanted any more
  }
  queue(found->first, cursor);
}

void Deliveries::published(const std::string& key, Generation since, OutboxEvent event) {
  recent_.add(key, since, std::move(event));
}

void Deliveries::queue(const std::string& key, Cursor& cursor) {
  if (cursor.queued || cursor.reading != 0 || cursor.rests_until_ms != 0) return;
  if (cursor.next > cursor.last) return;
  cursor.queued = true;
  lanes_[cursor.stream].backlog.push_back(key);
}

std::optional<std::uint64_t> Deliveries::wake_at_ms() const {
  if (resting_.empty()) return std::nullopt;
  return resting_.begin()->first;
}

Sequence Deliveries::sent(const std::string& key) const {
  const auto cursor = cursors_.find(key);
  if (cursor == cursors_.end() || !lanes_.contains(cursor->second.stream)) return 0;
  return cursor->second.next - 1;
}

void Deliveries::pump(std::uint64_t now_ms, Tick tick, Outputs& out) {
  tick_ = tick;
  while (!resting_.empty() && resting_.begin()->first <= now_ms) {
    const auto [until_ms, key] = std::move(*resting_.begin());
    resting_.erase(resting_.begin());
    const auto cursor = cursors_.find(key);
    if (cursor == cursors_.end() || cursor->second.rests_until_ms != until_ms) continue;
    if (!lanes_.contains(cursor->second.stream)) continue;
    cursor->second.rests_until_ms = 0;
    queue(key, cursor->second);
  }
  for (auto& [stream, lane] : lanes_) pump_lane(stream, lane, out);
}

// Each connection in turn, so that one with much to say does not keep the others waiting.
void Deliveries::pump_lane(StreamId stream, Lane& lane, Outputs& out) {
  std::vector<ReadRequest> requests;
  std::vector<Reading> reading;
  const std::uint64_t read = last_read_ + 1;
  while (lane.credit > 0 && !lane.backlog.empty() && requests.size() < kReadsMax) {
    const std::string key = std::move(lane.backlog.front());
    lane.backlog.pop_front();
    const auto found = cursors_.find(key);
    if (found == cursors_.end()) continue;
    Cursor& cursor = found->second;
    if (!cursor.queued || cursor.stream != stream) continue;  // of an earlier generation of the key
    cursor.queued = false;
    if (cursor.next > cursor.last) continue;
    std::vector<OutboxEvent> events =
        recent_.take(key, cursor.since, cursor.next, limits_.delivery_events_max,
                     limits_.delivery_bytes_max);
    if (!events.empty()) {
      send(key, cursor, lane, std::move(events), out);
      continue;
    }
    cursor.reading = read;
    const auto missing = std::min<Sequence>(cursor.last - cursor.next + 1, kReadEventsMax);
    const auto bytes =
        static_cast<std::int64_t>(cursor.outbox_bytes + missing * kEventOverheadBytes);
    lane.credit -= bytes;
    requests.push_back({store_key(key), cursor.next, static_cast<std::uint32_t>(missing)});
    reading.push_back({key, stream, bytes});
  }
  if (requests.empty()) return;
  last_read_ = read;
  reads_[read] = std::move(reading);
  out.emplace_back(StartRead{read, std::move(requests)});
}

void Deliveries::read_answered(
    std::uint64_t read, const absl::StatusOr<std::vector<std::vector<Attachment>>>& result,
    std::uint64_t now_ms, Outputs& out) {
  const auto found = reads_.find(read);
  if (found == reads_.end()) return;
  const std::vector<Reading> reading = std::move(found->second);
  reads_.erase(found);
  for (std::size_t i = 0; i < reading.size(); ++i) {
    const auto lane = lanes_.find(reading[i].stream);
    if (lane == lanes_.end()) continue;
    lane->second.credit += reading[i].reserved;
    const auto at = cursors_.find(reading[i].key);
    if (at == cursors_.end() || at->second.reading != read) continue;
    Cursor& cursor = at->second;
    cursor.reading = 0;
    absl::StatusOr<std::vector<OutboxEvent>> events =
        result.ok() ? following(cursor, (*result)[i]) : std::vector<OutboxEvent>{};
    if (!events.ok()) {
      out.emplace_back(Fatal{std::string(events.status().message())});
    } else if (!events->empty()) {
      cursor.failures = 0;
      send(reading[i].key, cursor, lane->second, *std::move(events), out);
    } else if (cursor.next <= cursor.last) {
      rest(reading[i].key, cursor, now_ms);
    }
  }
}

absl::StatusOr<std::vector<OutboxEvent>> Deliveries::following(
    const Cursor& cursor, const std::vector<Attachment>& read) const {
  std::vector<OutboxEvent> events;
  std::size_t bytes = 0;
  for (const Attachment& attachment : read) {
    // What was acknowledged meanwhile is gone, and what skips is read again.
    if (attachment.number < cursor.next + events.size()) continue;
    if (attachment.number != cursor.next + events.size()) break;
    if (events.size() == limits_.delivery_events_max || bytes >= limits_.delivery_bytes_max) break;
    absl::StatusOr<OutboxEvent> event = decode_event(attachment.number, attachment.bytes);
    if (!event.ok()) return event.status();
    bytes += event->payload.size();
    events.push_back(*std::move(event));
  }
  return events;
}

// A store that is away, or one that does not show yet what it has, is not asked without a pause.
void Deliveries::rest(const std::string& key, Cursor& cursor, std::uint64_t now_ms) {
  const int doublings = std::min(cursor.failures++, 16);
  cursor.rests_until_ms =
      now_ms + std::min(limits_.retry_max_ms, limits_.retry_initial_ms << doublings);
  resting_.emplace(cursor.rests_until_ms, key);
}

void Deliveries::send(const std::string& key, Cursor& cursor, Lane& lane,
                      std::vector<OutboxEvent> events, Outputs& out) {
  EventsDelivered delivered{.key = key, .generation = cursor.generation, .events = {}};
  for (OutboxEvent& event : events) {
    if (const Tick due = due_of(event.tick, event.ttl_ms); due != 0 && tick_ >= due) {
      event = OutboxEvent{.sequence = event.sequence, .expired = true};
    }
    delivered.payload_bytes += event.payload.size() + kEventOverheadBytes;
  }
  cursor.next = events.back().sequence + 1;
  lane.credit -= static_cast<std::int64_t>(delivered.payload_bytes);
  delivered.events = std::move(events);
  out.emplace_back(Notified{cursor.stream, std::move(delivered)});
  queue(key, cursor);
}

}  // namespace interlock
