// Which events go down which stream next: one cursor per connection, credit per stream.
//
// Pure bookkeeping of the engine. Events just published are kept for a moment, so that the usual
// delivery reads nothing back; the rest is read from the store, many keys in one call.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "coordinator/engine/engine_types.h"

namespace interlock {

constexpr std::size_t kReadsMax = 64;           // connections in one read
constexpr Sequence kReadEventsMax = 64;         // of one connection in one read
constexpr std::size_t kEventOverheadBytes = 64; // what an event counts besides its payload

// The events of late, oldest dropped first, within a bound of bytes.
class RecentEvents {
 public:
  explicit RecentEvents(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  void add(const std::string& key, Generation since, OutboxEvent event);
  // A run of events without a gap from `first` on; empty when the first one is not held.
  std::vector<OutboxEvent> take(const std::string& key, Generation since, Sequence first,
                                std::uint32_t count_max, std::size_t bytes_max) const;
  std::size_t bytes() const { return bytes_; }

 private:
  struct Held { Generation since = 0; std::deque<OutboxEvent> events; };
  static constexpr std::size_t kEventsMax = 100'000;
  void drop_oldest();
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  absl::flat_hash_map<std::string, Held> by_key_;
  std::deque<std::string> order_;
};

class Deliveries {
 public:
  explicit Deliveries(const EngineLimits& limits);

  void open(StreamId stream, std::uint64_t credit_bytes);
  void close(StreamId stream);
  void add_credit(StreamId stream, std::uint64_t bytes);

  // The generation is operational on this stream: deliver from `next` on.
  void attend(StreamId stream, const std::string& key, Generation generation, Generation since,
              Sequence next);
  bool attends(const std::string& key, Generation generation) const;
  void leave(const std::string& key);
  // Of the record as it stands: the last sequence, and what needs no delivery any more.
  void progress(const std::string& key, const Record& record);
  void published(const std::string& key, Generation since, OutboxEvent event);

  // Sends what credit allows; asks for what must be read back.
  // `tick`: what has run out of time by then is sent as expired.
  void pump(std::uint64_t now_ms, Tick tick, Outputs& out);
  void read_answered(std::uint64_t read,
                     const absl::StatusOr<std::vector<std::vector<Attachment>>>& result,
                     std::uint64_t now_ms, Outputs& out);
  // The last sequence handed to the gateway of this key; 0: nobody attends to it.
  Sequence sent(const std::string& key) const;
  // When something that could not be read is to be read again.
  std::optional<std::uint64_t> wake_at_ms() const;

 private:
  struct Cursor {
    StreamId stream = 0;
    Generation generation = 0;
    Generation since = 0;
    Sequence next = 1;
    Sequence last = 0;
    std::uint64_t outbox_bytes = 0;
    bool queued = false;
    std::uint64_t reading = 0;         // the read that is under way for it, or 0
    std::uint64_t rests_until_ms = 0;  // 0: it does not rest
    int failures = 0;                  // reads in a row that brought nothing
  };
  struct Lane {
    std::int64_t credit = 0;
    std::deque<std::string> backlog;
  };
  struct Reading {
    std::string key;
    StreamId stream = 0;
    std::int64_t reserved = 0;  // of the stream's credit, until it is known what was read
  };
  void queue(const std::string& key, Cursor& cursor);
  void pump_lane(StreamId stream, Lane& lane, Outputs& out);
  // The events that follow the cursor, as many as one message may carry.
  absl::StatusOr<std::vector<OutboxEvent>> following(const Cursor& cursor,
                                                     const std::vector<Attachment>& read) const;
  void rest(const std::string& key, Cursor& cursor, std::uint64_t now_ms);
  void send(const std::string& key, Cursor& cursor, Lane& lane, std::vector<OutboxEvent> events,
            Outputs& out);

  EngineLimits limits_;
  RecentEvents recent_;
  // Without their lane they count for nothing: they go when their record changes next, since a
  // stream of 100,000 connections that ends must hold nobody up.
  absl::flat_hash_map<std::string, Cursor> cursors_;
  std::map<StreamId, Lane> lanes_;
  std::map<std::uint64_t, std::vector<Reading>> reads_;
  std::multimap<std::uint64_t, std::string> resting_;
  std::uint64_t last_read_ = 0;
  Tick tick_ = 0;
};

}  // namespace interlock
