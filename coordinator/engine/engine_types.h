// What goes into the engine and what comes out of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/authority/decide.h"
#include "coordinator/authority/lease.h"
#include "coordinator/authority/runs.h"
#include "coordinator/engine/explain.h"
#include "coordinator/store/store.h"

namespace interlock {

// Given by whoever asks, and named in the answer. 0: nobody waits for it.
using Ticket = std::uint64_t;
using StreamId = std::uint64_t;   // one Attach stream of one gateway; never used again
using WatcherId = std::uint64_t;

struct Moment {
  std::uint64_t steady_ms = 0;
  std::int64_t unix_us = 0;       // display, and the base of a new store
};

class ConnectionFilter;

struct EngineLimits {
  AuthorityLimits authority;
  std::size_t waiting_commands_max = 200'000;      // in all; one more is answered NotNow
  std::size_t waiting_per_key_max = 4'096;
  std::size_t commits_under_way_max = 2;
  std::size_t commit_keys_max = 256;               // beside upkeep; more go into the next one
  std::size_t commands_per_write_max = 1'024;      // of one key
  std::size_t decoded_records_max = 4'096;         // kept beside their bytes; 0: none
  std::uint64_t acknowledge_within_ms = 2'000;     // written lazily, at the latest then
  std::uint64_t retry_initial_ms = 5;              // after conflicts or unknown outcomes
  std::uint64_t retry_max_ms = 1'000;
  std::uint64_t store_away_after_ms = 500;         // said with StoreAway
  std::size_t recent_events_bytes_max = 16 * 1024 * 1024;
  std::uint32_t delivery_events_max = 64;          // of one key in one message
  std::size_t delivery_bytes_max = 256 * 1024;
  std::uint32_t scan_records_max = 200;            // answered by one scan
  std::uint32_t scan_visits_max = 2'000;           // looked at by one scan
  std::size_t removals_kept_max = 16'384;          // for watches that are resumed
  Tick bookmark_every_ticks = 10;                  // to watches that asked for it
  LeaseLimits leases;
  std::uint64_t tick_ms = 1'000;                   // how long a tick stands, at least
  std::size_t sweeps_under_way_max = 16;           // of orphans and of what is due
  std::uint64_t sweeps_per_s_max = 5'000;          // begun; 0: no limit
  std::uint64_t takeovers_per_minute_max = 10;     // of one key, from a live owner; 0: no limit
  std::size_t closed_under_way_max = 256;          // ends that backends are being told of
  std::uint64_t closed_again_after_ms = 30'000;    // not confirmed: told again
  std::uint64_t closed_others_after_ms = 10'000;   // of ends that another coordinator wrote
  std::uint64_t final_records_per_subject_max = 100;  // one more removes the oldest; 0: no limit
};

// What the engine must know of the store that it is over.
struct StoreTraits {
  StoreLimits limits;
  bool single_writer = false;
};

// One connection of a gateway's reconcile list.
struct ListedConnection {
  std::string key;
  Generation generation = 0;
  std::uint64_t last_op = 0;
  Sequence last_sent = 0;
  Sequence acknowledged = 0;
};
struct ListedClaim {
  std::string key;
  std::string claim_id;
};

// ---- inputs ----
struct RecordsLoaded { std::vector<LoadedRecord> records; };
struct LoadEnded { absl::StatusOr<Position> position; };
struct CommandGiven { Ticket ticket = 0; std::string key; Command command; };
struct CommitAnswered {
  std::uint64_t commit = 0;
  std::vector<Outcome> outcomes;
  std::uint64_t took_us = 0;  // for the metrics
};
struct FeedChanged { std::vector<Change> changes; Position through; };
struct FeedLost { absl::Status reason; };
struct RoomChanged { std::string no_room; };  // what Store::short_of_room() says; empty: nothing
struct ReadAnswered {
  std::uint64_t read = 0;
  absl::StatusOr<std::vector<std::vector<Attachment>>> result;
};
struct StreamOpened {
  StreamId stream = 0;
  std::string gateway_id;
  std::uint64_t credit_bytes = 0;
  std::string address;  // display only
  bool has_backend = false;  // it can tell a backend of ends
};
struct StreamListed {
  StreamId stream = 0;
  std::vector<ListedConnection> held;
  std::vector<ListedClaim> pending_claims;
  bool end = false;
};
struct StreamCredit { StreamId stream = 0; std::uint64_t bytes = 0; };
struct StreamHeartbeat {
  StreamId stream = 0;
  std::uint64_t number = 0;
  std::string load{};  // what the gateway says of itself, for operators
};
struct StreamClosed { StreamId stream = 0; };
// Records are looked at in the order of their keys, in slices: an answer names where to go on.
struct ScanAsked {
  Ticket ticket = 0;
  std::string after;
  std::uint32_t limit = 0;
  bool live_only = false;
  std::shared_ptr<const ConnectionFilter> filter;  // nullptr: all
  Revision newer_than = 0;                         // only what has changed behind it
};
struct ExplainAsked { Ticket ticket = 0; std::string key; };  // answered from memory
struct GatewaysAsked { Ticket ticket = 0; };                  // answered from memory
// Answered Settled when it is durable.
struct DrainAsked { Ticket ticket = 0; std::string gateway_id; std::uint32_t per_s = 0; };
// The events that wait for the client, read from the store; behind sequence `after`.
struct OutboxAsked {
  Ticket ticket = 0;
  std::string key;
  Sequence after = 0;
  std::uint32_t limit = 0;
};
struct ObserveAsked { Ticket ticket = 0; std::string key; };  // answered from memory
// `deliveries`: also told when events of the key are handed to its gateway, and at every tick.
// `resume_from`: what was removed behind it is shown first; what has changed is to be scanned for.
struct WatchOpened {
  WatcherId watcher = 0;
  std::string key;
  bool deliveries = false;
  bool bookmarks = false;  // told now and then where it could be resumed, when nothing happens
  std::shared_ptr<const ConnectionFilter> filter;  // nullptr: all
  Revision resume_from = 0;                        // 0: from now on
};
struct WatchClosed { WatcherId watcher = 0; };

using Input = std::variant<RecordsLoaded, LoadEnded, CommandGiven, CommitAnswered, FeedChanged,
                           FeedLost, RoomChanged, ReadAnswered, StreamOpened, StreamListed,
                           StreamCredit, StreamHeartbeat, StreamClosed, ScanAsked, ObserveAsked,
                           ExplainAsked, GatewaysAsked, DrainAsked, OutboxAsked, WatchOpened,
                           WatchClosed>;

// ---- outputs ----
struct StartLoad {};
struct StartWatch { Position from; };
struct StartCommit { std::uint64_t commit = 0; Batch batch; };
struct StartRead { std::uint64_t read = 0; std::vector<ReadRequest> requests; };
struct Answered {
  Ticket ticket = 0;
  std::string key;
  Answer answer;
  Revision revision = 0;  // of the record as of this answer
  bool to_claim = false;
};

struct Scanned {
  Ticket ticket = 0;
  std::vector<SeenConnection> connections;
  std::string next;  // go on behind this key; empty: that was all
  std::uint32_t visited = 0;
  Revision through = 0;  // the feed has shown everything up to here
};
struct Explained {
  Ticket ticket = 0;
  std::optional<SeenConnection> connection;
  std::vector<Finding> findings;
};
struct SeenGateway {
  std::string gateway_id;
  Lease lease;
  Tick lease_age_ticks = 0;
  std::size_t connections = 0;
  bool attached = false;  // to this coordinator
};
struct OutboxSeen {
  Ticket ticket = 0;
  std::optional<SeenConnection> connection;
  absl::StatusOr<std::vector<OutboxEvent>> events;  // or why the store did not say
};
struct GatewaysSeen { Ticket ticket = 0; std::vector<SeenGateway> gateways; };
struct Observed { Ticket ticket = 0; std::optional<SeenConnection> connection; };
struct Watched {
  WatcherId watcher = 0;
  std::string key;
  std::optional<SeenConnection> connection;  // nothing: removed
  std::vector<Transition> steps;             // what is new in its history, oldest first
  Sequence sent = 0;                         // to a watch of deliveries: handed to the gateway
  Tick tick = 0;
  bool left = false;                         // it matched the filter, and does not any more
  bool bookmark = false;                     // nothing but `through`
  bool missed = false;                       // removals behind `resume_from` are not known any more
  Revision through = 0;                      // the feed has shown everything up to here
};

// To the gateway of a stream.
struct Kept {
  State state = State::kConnecting;
  std::uint64_t last_op = 0;
  Sequence acknowledged = 0;
  Sequence last_sequence = 0;
};
struct SupersededBy { Generation generation = 0; };
struct ReleasedFor { Reason reason = Reason::kGatewayLeft; std::uint32_t close_code = 4005; };
struct ListAnswered {
  std::string key;
  Generation generation = 0;  // of the entry
  std::variant<Kept, SupersededBy, ReleasedFor> answer;
};
struct ListEnded {};
struct Superseded { std::string key; Generation generation = 0; Generation by = 0; };
struct Released { std::string key; Generation generation = 0; ReleasedFor why; };
struct StateMoved {
  std::string key;
  Generation generation = 0;
  State state = State::kConnecting;
};
struct HeartbeatConfirmed { std::uint64_t number = 0; };
struct StoreIsAway { bool away = false; };
struct AttachAgain {};   // its list came before anybody could judge it
struct GatewayToDrain { std::uint32_t per_s = 0; };  // an operator wants it empty
struct LeaseExpired {};  // the gateway owns nothing any more, and its id never comes back
struct ClosedToTell {    // the backend is owed the end of this generation's machine
  std::string key;
  Generation generation = 0;
  std::string subject;
  Reason reason = Reason::kStep;
};
struct EventsDelivered {
  std::string key;
  Generation generation = 0;
  std::vector<OutboxEvent> events;
  std::uint64_t payload_bytes = 0;
};
using Notice = std::variant<ListAnswered, ListEnded, Superseded, Released, StateMoved,
                            HeartbeatConfirmed, StoreIsAway, AttachAgain, LeaseExpired,
                            GatewayToDrain, ClosedToTell, EventsDelivered>;
struct Notified { StreamId stream = 0; Notice notice; };

// For the log and the metrics: durable, in order per key.
struct Happened { std::string key; Transition step; Revision revision = 0; };
// A run that a backend had opened is over; said by whoever wrote it.
struct RunOver { std::string key; RunEnded run; };
// No gateway could tell a backend of this end in all the time that it was kept.
struct ClosedGivenUp { std::string key; Generation generation = 0; };
// Events of one connection were accepted; `held` are in its outbox now.
struct Published { std::uint64_t events = 0; std::uint64_t held = 0; };
// The feed has shown what this engine committed, so long after the store had said so.
struct FeedSeen { std::uint64_t lag_ms = 0; };
struct Committed {
  std::size_t entries = 0;
  std::size_t refused = 0;
  std::size_t unknown = 0;
  std::size_t failed = 0;
  std::uint64_t took_us = 0;
  std::string trouble;  // why the first one failed, or is unknown; empty: none
};
// The engine cannot go on without making something up; the process ends.
struct Fatal { std::string reason; };

using Output = std::variant<StartLoad, StartWatch, StartCommit, StartRead, Answered, Scanned,
                            Observed, Explained, GatewaysSeen, OutboxSeen, Watched, Notified,
                            Happened, RunOver, ClosedGivenUp, Published, FeedSeen, Committed,
                            Fatal>;
using Outputs = std::vector<Output>;

// What an engine has counted since its start, and what stands now; for people to look at.
struct EngineTally {
  std::uint64_t acknowledged = 0;         // events, by writes of its own
  std::uint64_t retries = 0;              // commands decided again
  std::uint64_t takeovers_damped = 0;     // claims that came too soon behind others
  std::uint64_t outbox_events = 0;        // of all records
  std::uint64_t outbox_bytes = 0;
  std::uint64_t watchers = 0;
  Tick oldest_lease_ticks = 0;            // of those that stand, as of the last tick
  std::uint64_t feed_lag_ms = 0;          // of the last commit that the feed has shown
  std::uint64_t flapping = 0;             // keys taken over too often, as of the last tick
  std::vector<std::string> flapping_keys; // some of them
};

}  // namespace interlock
