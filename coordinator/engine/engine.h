// The one thread's work: takes commands in, decides, commits, and only then answers.
//
// `step(inputs, now) -> outputs` is the whole of it: no thread, no I/O, no clock of its own, so the
// simulator runs this very code, and the same inputs in the same order give the same outputs. The
// shell (engine_thread) carries the outputs out.
//
// What arrives while a commit is under way is gathered for the next one (no timer). Commands for
// one key that wait together are decided one after the other and become one write; at most one
// commit is under way for a key. On a refusal the record that came back is taken over and the
// commands are decided again.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "coordinator/engine/closed_news.h"
#include "coordinator/engine/delivery.h"
#include "coordinator/engine/engine_types.h"
#include "coordinator/engine/lease_book.h"
#include "coordinator/engine/replica.h"
#include "coordinator/engine/sweep_pace.h"
#include "coordinator/engine/takeover_damper.h"
#include "coordinator/engine/tick_clock.h"

namespace interlock {

class Engine {
 public:
  // `random`: uniform in [0, 1), for back-off.
  Engine(EngineLimits limits, StoreTraits store, std::function<double()> random);
  ~Engine();

  // The first call may come without inputs: it asks for the load.
  Outputs step(std::vector<Input> inputs, Moment now);

  // The next moment at which a step without inputs has something to do.
  std::optional<std::uint64_t> wake_at_ms() const;

  // A step without inputs has something to do at once: one more commit may begin.
  bool more_to_do() const { return more_ready_; }

  bool ready() const { return phase_ == Phase::kServing; }
  bool store_away() const { return store_away_; }
  Tick tick() const { return clock_.tick(); }
  const LeaseBook& leases() const { return leases_; }
  const Replica& replica() const { return replica_; }
  EngineTally tally() const;
  std::size_t waiting_commands() const { return waiting_; }
  // What is kept for keys besides their records: nothing, once nobody asks about them.
  std::size_t keys_at_work() const {
    return work_.size() + acknowledgements_.size() + parked_.size();
  }

 private:
  enum class Phase { kNew, kLoading, kSettingBase, kServing };
  struct Waiting {
    Ticket ticket = 0;      // 0: nobody waits for the answer
    bool in_doubt = false;  // an earlier try of it may have been applied
    bool upkeep = false;    // a sweep: dropped unless it holds at once, since it is seen again
    StreamId listed = 0;    // a lookup for this stream's reconcile list
    ListedConnection entry;
    Command command;
  };
  // What one key has waiting and under way.
  struct Work {
    std::deque<Waiting> waiting;
    std::vector<Waiting> deciding;     // of the commit under way, in the order of the decisions
    std::vector<Answer> answers;       // beside `deciding`
    std::vector<Transition> steps;
    std::vector<OutboxEvent> events;
    Revision expected = kAbsent;
    Write write = Write::kCompareOnly;
    std::string record;                // as committed, and what it says
    std::shared_ptr<Record> decided;
    std::optional<Revision> doubt;     // a write over this revision may still land
    bool under_way = false;
    bool queued = false;               // in ready_ or delayed_
    int conflicts = 0;

    // As new, but for the room that it has.
    void clear() {
      waiting.clear();
      deciding.clear();
      answers.clear();
      steps.clear();
      events.clear();
      expected = kAbsent;
      write = Write::kCompareOnly;
      record.clear();
      decided.reset();
      doubt.reset();
      under_way = queued = false;
      conflicts = 0;
    }
  };
  using WorkOfKeys = std::unordered_map<std::string, Work>;
  struct Fold;

  // engine.cc: taking in
  void take(RecordsLoaded input);
  void take(LoadEnded input);
  void take(CommandGiven input);
  void take(CommitAnswered input);
  void take(FeedChanged input);
  void take(FeedLost input);
  void take(RoomChanged input) { no_room_ = std::move(input.no_room); }
  void take(ReadAnswered input);
  void take(StreamOpened input);
  void take(StreamListed input);
  void take(StreamCredit input);
  void take(StreamHeartbeat input);
  void take(StreamClosed input);
  bool too_much_waits(const Work* work) const;
  bool store_stays_away() const;
  bool outdated(const std::string& key, const Work* work, const Command& command,
                Answer& answer) const;
  Work* find_work(const std::string& key);  // nullptr: there is none
  Work& add_work(const std::string& key);   // there was none
  void enqueue(const std::string& key, Waiting waiting);
  void enqueue(const std::string& key, Work& work, Waiting waiting);
  void make_ready(const std::string& key, Work& work);
  void note_acknowledgement(const std::string& key, const Acknowledge& acknowledge);
  void write_due_acknowledgements();
  void take_base(const std::string& bytes);
  void load_after(std::uint64_t delay_ms);
  void set_base();
  void begin_serving();

  // commit.cc: deciding, committing, answering
  void pump();
  bool decide_key(const std::string& key, Work& work, Batch& batch);
  Fold fold(const std::string& key, Work& work);
  static void gather_claims(std::deque<Waiting>& waiting, std::size_t count);
  static void note_spent(Fold& fold, const Command& command);
  void fold_one(Fold& fold, const Waiting& waiting);
  void fold_claim(Fold& fold, const Waiting& waiting);
  static Entry entry_of(const std::string& key, const Fold& fold);
  void settle(const std::string& store_key, Outcome outcome, Committed& tally);
  void settle_connection(const std::string& key, Outcome outcome);
  bool applied(const std::string& key, Work& work, Revision revision);
  void retry(const std::string& key, Work& work);
  void answer_all(const std::string& key, Work& work, Revision revision);
  void answer_store_away(const std::string& key, Work& work);
  void answer(const std::string& key, const Waiting& waiting, Answer answer, Revision revision);
  void finish(const std::string& key, Work& work);
  void settle_own(const Outcome& outcome);
  void probe_store();
  void set_store_away(bool away);
  void tell_store_away();

  // upkeep.cc: what time makes due, and the leases and the tick that say so
  void plan_upkeep();
  bool leases_wait() const;
  void pack_upkeep(Batch& batch, std::vector<std::string>& keys, std::size_t& bytes);
  void settle_upkeep(const std::string& store_key, const Outcome& outcome);
  void lease_settled(const std::string& gateway, const LeaseBook::Result& result, bool written);
  void observe_upkeep(std::string_view store_key, const std::optional<std::string>& bytes);
  void tell_expired(const std::string& gateway);
  void note_speaker(const Command& command);
  bool owner_lives(const std::string& owner, Revision revision) const;
  bool park(const std::string& key, Waiting& waiting);
  void unpark(const std::string& gateway, bool failed);
  void find_dead_owners();
  void plan_sweeps();
  const Replica::Slot* pick_for_sweep();
  void sweep(const std::string& key, Revision seen, bool capped);
  struct SubjectUse {
    Admission admission;
    std::size_t final_records = 0;
    const Replica::Slot* oldest_waiting = nullptr;
    const Replica::Slot* oldest_final = nullptr;
  };
  SubjectUse look_at_subject(std::string_view key) const;
  void make_room(const std::string& key, bool session_begun);
  Context context_of(const std::string& key, const Record* record, Revision revision) const;
  void complete(Context& context, const std::string& key, const Claim& claim,
                const Record* record) const;

  // streams.cc: what the records' changes mean to gateways and watchers
  // `own`: this engine's own commit wrote it. `decoded`: what `bytes` say, where it is known. False
  // when it is no news.
  bool observe(std::string_view key, Revision revision, std::optional<std::string> bytes,
               bool own = false, RecordRef decoded = nullptr);
  void notice_ends(const std::string& key, const Record& before, const Record* after);
  void tell_closed();
  void show_deliveries();
  void notify_gateways(const std::string& key, const Record& before, const Record* after);
  void attend(const std::string& key, const Record& record);
  void attend_present(const std::string& key);
  void follow_grant(const std::string& key, const Claim& claim, const Granted& granted);
  void reconcile(StreamId stream, const ListedConnection& entry);
  void end_listing(StreamId stream);

  // looking.cc: what operators see
  void take(ObserveAsked input);
  void take(ScanAsked input);
  void take(ExplainAsked input);
  void take(GatewaysAsked input);
  void take(DrainAsked input);
  void take(OutboxAsked input);
  void outbox_read(const ReadAnswered& input);
  void take(WatchOpened input);
  void take(WatchClosed input);
  void answer_drains(const std::string& gateway, const Answer& answer);
  void tell_drain(const std::string& gateway);
  void tell_bookmarks();
  void note_removal(const std::string& key, Revision revision);
  void notify_watchers(const std::string& key, const Record* before, const Record* after,
                       Revision revision);
  bool matches(const ConnectionFilter* filter, const SeenConnection& connection) const;
  std::optional<SeenConnection> look_at(const std::string& key) const;
  SeenConnection seen(const std::string& key, Record record, Revision revision) const;
  bool attached(const std::string& gateway) const { return stream_of_gateway_.contains(gateway); }

  EngineLimits limits_;
  StoreTraits store_;
  std::function<double()> random_;
  Moment now_;
  Phase phase_ = Phase::kNew;
  Outputs out_;
  std::size_t outputs_before_ = 0;  // of the last step
  Replica replica_;
  bool reloading_ = false;  // something was known before: what the load lacks was deleted
  absl::flat_hash_set<std::string> loaded_keys_;
  std::vector<LoadedRecord> loaded_early_;  // until the base is known
  Position fed_;                            // the feed has shown everything up to here
  Revision newest_ = 0;                     // the highest revision seen
  WorkOfKeys work_;  // its values stay where they are
  static constexpr std::size_t kSpareWorkMax = 4'096;
  std::vector<WorkOfKeys::node_type> spare_work_;  // to be used again
  std::deque<std::string> ready_;
  bool more_ready_ = false;
  std::multimap<std::uint64_t, std::string> delayed_;
  std::size_t waiting_ = 0;
  std::size_t commits_under_way_ = 0;
  std::uint64_t last_commit_ = 0;
  absl::flat_hash_map<std::uint64_t, std::vector<std::string>> commits_;  // keys of the store
  std::optional<std::uint64_t> load_at_ms_;  // the load before it failed
  std::uint64_t load_asked_ms_ = 0;
  bool commits_away_ = false;  // the last commit came to nothing
  bool store_away_ = false;    // as the streams were told
  std::uint64_t away_since_ms_ = 0;
  std::string no_room_;        // in the store, for what makes it grow
  std::uint64_t probe_at_ms_ = 0;
  TickClock clock_;
  LeaseBook leases_;
  std::uint64_t leases_rest_until_ms_ = 0;  // nobody knew what became of the last ones
  TakeoverDamper damper_;
  absl::flat_hash_map<std::string, std::vector<std::pair<std::string, Waiting>>> parked_;
  std::vector<std::string> dead_owners_;  // of something
  bool owners_changed_ = false;
  absl::flat_hash_map<std::string, Entry> upkeep_writes_;  // under way, of the tick and of leases
  std::size_t sweeps_waiting_ = 0;
  SweepPace sweep_pace_;
  std::optional<std::uint64_t> sweep_at_ms_;  // more is known to be due, but not its turn yet
  struct PendingAcknowledgement {
    Acknowledge what;
    std::uint64_t due_ms = 0;  // 0: it waits with the commands of its key
  };
  absl::flat_hash_map<std::string, PendingAcknowledgement> acknowledgements_;  // not written yet
  std::deque<std::pair<std::uint64_t, std::string>> acknowledgements_due_;
  Deliveries deliveries_;
  struct Stream {
    std::string gateway_id;
    Revision began = 0;  // what is newer than the list is not judged by it; 0: nothing is
    bool list_complete = false;
    absl::flat_hash_set<std::pair<std::string, Generation>> held;
    absl::flat_hash_map<std::string, std::size_t> unanswered;  // entries of the list
    absl::flat_hash_set<std::string> claim_ids;
    bool reconciled = false;
  };
  std::map<StreamId, Stream> streams_;
  absl::flat_hash_map<std::string, StreamId> stream_of_gateway_;
  ClosedNews closed_news_;
  struct Watcher {
    std::string key;  // empty: all
    bool deliveries = false;
    Sequence sent = 0;  // as it was told, as is `tick`
    Tick tick = 0;
    std::shared_ptr<const ConnectionFilter> filter;  // nullptr: all
    bool bookmarks = false;
  };
  std::map<WatcherId, Watcher> watchers_;
  std::size_t delivery_watchers_ = 0;
  std::deque<std::pair<Revision, std::string>> removals_;  // the last ones
  Revision removals_since_ = 0;  // behind it `removals_` lacks none
  absl::flat_hash_map<std::string, std::vector<Ticket>> drains_;  // by gateway
  static constexpr std::uint64_t kOutboxReads = std::uint64_t{1} << 63;  // their numbers lie above
  std::uint64_t last_outbox_read_ = kOutboxReads;
  absl::flat_hash_map<std::uint64_t, OutboxAsked> outbox_reads_;
  // What is counted here; the rest of it stands elsewhere.
  EngineTally tally_;
  static constexpr std::size_t kFlappingKeysMax = 20;
  static constexpr std::size_t kUnseenCommitsMax = 1'024;
  std::deque<std::pair<Revision, std::uint64_t>> unseen_commits_;  // by the feed, and since when
};

}  // namespace interlock
