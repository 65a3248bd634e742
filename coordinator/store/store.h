// Where the truth is kept.
//
// A store keeps records under keys, each with a revision, and attachments under a record's key and
// a number. It knows nothing about connections. Four verbs: load, watch, commit, read.
//
// All calls are asynchronous. Callbacks run on a thread of the store (or, for the memory store,
// wherever its scheduler runs them), never inside the call that was given them, and must not block.
// After the destructor has returned no callback runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace interlock {

// From one order of the whole store. Entries of one commit may share one. 0: absent.
using Revision = std::uint64_t;
constexpr Revision kAbsent = 0;

// A place in the feed. Opaque but for its order; comparable within one store only.
struct Position {
  std::uint64_t value = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

struct Versioned {
  std::string bytes;
  Revision revision = kAbsent;
  friend bool operator==(const Versioned&, const Versioned&) = default;
};

struct Attachment {
  std::uint64_t number = 0;
  std::string bytes;
  friend bool operator==(const Attachment&, const Attachment&) = default;
};

// Both ends are included.
struct NumberRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

enum class Write {
  kPut,  // the new record, and the attachments
  kDelete,  // the record with all of its attachments
  kCompareOnly,  // nothing: only says whether the expected revision stands
};

// Applied as a whole or not at all, independently of the other entries of its batch.
// The range is removed first; then the attachments are put.
struct Entry {
  std::string key;
  Revision expected = kAbsent;  // that, or one that this key has had since the store was opened
  Write write = Write::kPut;
  std::string record;  // kPut only
  std::vector<Attachment> put;  // kPut only
  std::optional<NumberRange> remove;  // kPut only
};
using Batch = std::vector<Entry>;

struct Applied {
  Revision revision = kAbsent;  // of the record now; for kCompareOnly the expected one
  Position at;  // the feed has shown this entry once it has reached this
};
struct Refused {
  std::optional<Versioned> current;  // what stands there
  Position at;  // as of this place in the feed
};
// Surely not applied.
struct Failed {
  absl::Status reason;
};
// Applied, not applied, or still to be applied later.
struct Unknown {
  absl::Status reason;
};
using Outcome = std::variant<Applied, Refused, Failed, Unknown>;

struct Change {
  std::string key;
  Revision revision = kAbsent;  // of the change, also for a deletion
  std::optional<std::string> bytes;  // nothing: deleted
};

// Changes are per key in the order of their revisions. States in between may be skipped; the last
// one and a deletion never. `through`: everything up to this position has been shown. A lost
// position is said by `resync` (load again, then watch from there); nothing follows it.
struct FeedSink {
  std::function<void(std::vector<Change> changes, Position through)> changes;
  std::function<void(absl::Status reason)> resync;
};

struct LoadedRecord {
  std::string key;
  Versioned record;
};
// Chunks of at most kLoadChunkRecords, in any order, then `done` with the position from which a
// watch goes on, or with the reason why not. `chunk` may block until those before it are taken: a
// store reads faster than records are understood, and must not hold them all.
struct LoadSink {
  std::function<void(std::vector<LoadedRecord> chunk)> chunk;
  std::function<void(absl::StatusOr<Position> position)> done;
};

// Attachments of `key` with numbers from `from` on, in order, at most `limit`.
struct ReadRequest {
  std::string key;
  std::uint64_t from = 0;
  std::uint32_t limit = 0;
};

struct StoreLimits {
  std::size_t entry_puts_max = 16;
  std::size_t entry_bytes_max = 512 * 1024;  // record and attachments and key
  std::size_t batch_bytes_max = 1024 * 1024;
  std::size_t batch_entries_max = 4096;
  std::size_t key_bytes_max = 512;
};
constexpr std::size_t kLoadChunkRecords = 1024;

// What an entry counts against entry_bytes_max and batch_bytes_max.
std::size_t entry_bytes(const Entry& entry);

// InvalidArgument with a sentence when the batch breaks a limit or names a key twice. Every store
// checks this first; a batch that breaks it is answered Failed for every entry.
absl::Status check_batch(const Batch& batch, const StoreLimits& limits);

class Store {
 public:
  virtual ~Store() = default;

  virtual StoreLimits limits() const = 0;

  // True when nobody else can write: what this process has seen committed is what stands.
  virtual bool single_writer() const = 0;

  // A sentence while there is little room left: what makes the store grow (a new record, more
  // attachments) is then to be refused with it, so that the rest is there for what must go on.
  // Cheap, and the one call that may be made from any thread.
  virtual std::optional<std::string> short_of_room() const { return std::nullopt; }

  virtual void load(LoadSink sink) = 0;

  // One watch at a time; a second one replaces the first.
  virtual void watch(Position from, FeedSink sink) = 0;

  // One outcome per entry, in order. Several commits may be under way, for different keys; two that
  // are under way for the same key have no order.
  virtual void commit(Batch batch, std::function<void(std::vector<Outcome>)> done) = 0;

  // One list per request, in order. Fewer than the record promises may come back while a change is
  // under way: read again.
  virtual void read(
      std::vector<ReadRequest> requests,
      std::function<void(absl::StatusOr<std::vector<std::vector<Attachment>>>)> done) = 0;
};

}  // namespace interlock
