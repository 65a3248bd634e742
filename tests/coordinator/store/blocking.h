// Asks a store and waits for the answer, as only a test may.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/store/store.h"

namespace interlock {

// An answer that does not come within a minute ends the test's process.
constexpr std::chrono::seconds kPatience{60};

// --- Entries -----------------------------------------------------------------------------------

Entry put(std::string key, Revision expected, std::string record,
          std::vector<Attachment> attachments = {}, std::optional<NumberRange> remove = {});
Entry erase(std::string key, Revision expected);
Entry compare(std::string key, Revision expected);

// --- The four verbs ----------------------------------------------------------------------------

std::vector<Outcome> commit(Store& store, Batch batch);
Outcome commit(Store& store, Entry entry);

struct Loaded {
  std::map<std::string, Versioned> records;
  Position position;
  std::size_t largest_chunk = 0;
};
absl::StatusOr<Loaded> load(Store& store);

absl::StatusOr<std::vector<std::vector<Attachment>>> read(Store& store,
                                                          std::vector<ReadRequest> requests);

// What a watch has shown so far. It must outlive the store.
class FeedLog {
 public:
  FeedSink sink();

  // Waits until the feed has reached `position`; false when it was lost instead.
  bool reach(Position position);
  absl::Status wait_for_resync();

  std::vector<Change> changes() const;
  std::vector<Change> changes_of(const std::string& key) const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable grown_;
  std::vector<Change> changes_;
  Position shown_;
  std::optional<absl::Status> resync_;
};

// --- How much is done --------------------------------------------------------------------------

// INTERLOCK_FULL=1 asks for the long versions.
bool full();

// Adds a line `name value` to the file that INTERLOCK_COUNTS names, if it names one.
void count(const std::string& name, std::uint64_t value);

}  // namespace interlock
