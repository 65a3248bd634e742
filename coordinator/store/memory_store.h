// The in-memory twin of the real stores, with every way in which one of them can disappoint.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/store/memory_world.h"
#include "coordinator/store/store.h"

namespace interlock {

// Runs `work` in `delay_ms`, never inside the call and never two at a time; work for the same
// moment in the order in which it was given.
using Scheduler = std::function<void(std::uint64_t delay_ms, std::function<void()> work)>;

// How the commit of one entry ends.
enum class Ending {
  kAnswered,        // applied or refused, and said so
  kFailed,          // not applied, and said so
  kUnknownApplied,  // applied if the compare held; nobody is told
  kUnknownLost,     // never applied; nobody is told
  kUnknownLate,     // nobody is told; applied `land_after_ms` later if the compare holds then
};

// The entries of a batch are applied and answered together: the longest delay counts.
struct Fate {
  Ending ending = Ending::kAnswered;
  std::uint64_t apply_after_ms = 0;   // from the call of commit
  std::uint64_t answer_after_ms = 0;  // from when the batch was applied
  std::uint64_t land_after_ms = 0;    // kUnknownLate, from when the batch was applied
};

// What is empty does no harm. All of it is called inside the call of a store or by the scheduler.
struct MemoryFaults {
  std::function<Fate(const Entry&)> fate;
  std::function<std::uint64_t()> read_lag_ms;  // of each read, and of each chunk of a load
  std::function<std::uint64_t()> feed_lag_ms;  // of each delivery; deliveries stay in order
  std::function<std::uint64_t()> random;       // decides the two below
  bool skip_states = false;  // the feed leaves out some of the states in between
  bool short_reads = false;  // a read brings less than there is, now and then
  std::function<void()> skipped;    // told of each state left out
  std::function<void()> shortened;  // told of each read cut short
  bool single_writer = false;
  StoreLimits limits;
};

// Cut off from the world: nothing is applied, loads and reads fail, the feed is silent.
enum class Away {
  kNo,
  kFailed,   // commits are answered Failed
  kUnknown,  // commits are answered Unknown
};

// One coordinator's client of a world. Commits that are under way when it is destroyed are applied
// all the same, as a real store would do, but nobody is told. The functions below the line may be
// called from anywhere, but in a threaded test their effect has no place in the order of events.
class MemoryStore : public Store {
 public:
  MemoryStore(std::shared_ptr<MemoryWorld> world, Scheduler scheduler, MemoryFaults faults = {});
  ~MemoryStore() override;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  StoreLimits limits() const override;
  bool single_writer() const override;
  void load(LoadSink sink) override;
  void watch(Position from, FeedSink sink) override;
  void commit(Batch batch, std::function<void(std::vector<Outcome>)> done) override;
  void read(
      std::vector<ReadRequest> requests,
      std::function<void(absl::StatusOr<std::vector<std::vector<Attachment>>>)> done) override;

  // ---------------------------------------------------------------------------------------------

  void set_away(Away away);

  // The watch, if there is one, is told to load again.
  void lose_feed(std::string reason);

  // From now on commits that arrive are kept, neither applied nor answered, until they are
  // released, oldest first. release() ends the holding; release(n) does not.
  void hold();
  void release();
  void release(std::size_t commits);
  std::size_t held() const;

 private:
  class Client;
  std::shared_ptr<Client> client_;
};

}  // namespace interlock
