#include "coordinator/engine/explain.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace interlock {
namespace {

absl::string_view view(std::string_view text) { return {text.data(), text.size()}; }

// "90 s", "12 min", "3 h".
std::string duration(std::uint64_t ms) {
  const std::uint64_t s = (ms + 500) / 1'000;
  if (s < 120) return absl::StrCat(s, " s");
  if (s < 120 * 60) return absl::StrCat(s / 60, " min");
  return absl::StrCat(s / 3'600, " h");
}

class Explanation {
 public:
  Explanation(const SeenConnection& connection, const ExplainContext& context)
      : connection_(connection), record_(connection.record), context_(context) {}

  std::vector<Finding> give() {
    of_store();
    of_owner();
    of_state();
    of_outbox();
    of_steering();
    return std::move(findings_);
  }

 private:
  template <class... Parts>
  void add(Why why, const Parts&... parts) {
    findings_.push_back({why, absl::StrCat(parts...)});
  }
  std::string since() const { return duration(age_ticks() * context_.tick_ms); }
  Tick age_ticks() const { return context_.tick - std::min(record_.changed_tick, context_.tick); }
  // What is left of a deadline that began with the last change of state or owner.
  std::string left_of(Tick window) const {
    const Tick age = age_ticks();
    return duration((age < window ? window - age : 0) * context_.tick_ms);
  }

  void of_store() {
    if (context_.store_away) {
      add(Why::kStoreIsAway,
          "The store is away: nothing about this connection can be promised or changed until it is "
          "back. Deadlines stand still meanwhile. Look at the store, and at this coordinator's "
          "log.");
    }
  }

  void of_owner() {
    if (record_.owner.empty()) return;
    if (connection_.orphaned) {
      add(Why::kOrphaned, "Its gateway ", record_.owner,
          " has lost its lease and owns nothing any more; the sweep that lets the connection wait "
          "for its client is still to come. A client that reconnects need not wait for it.");
    } else if (!connection_.owner_attached) {
      add(Why::kOwnerElsewhere, "Its gateway ", record_.owner,
          " is not attached to this coordinator: either to another one, or it is reconnecting.");
    }
    if (context_.owner_lease && context_.owner_lease->draining_per_s > 0) {
      add(Why::kGatewayDraining, "Its gateway ", record_.owner, " is being drained, ",
          context_.owner_lease->draining_per_s,
          " connections a second: the client will be asked to "
          "reconnect elsewhere.");
    }
  }

  void of_state() {
    const DeadlineLimits& limits = context_.limits.deadlines;
    switch (record_.state) {
      case State::kConnecting:
      case State::kAccepted:
        return add(Why::kWaitingForSetup, "Gateway ", record_.owner, " has been setting it up for ",
                   since(), "; in ", left_of(limits.setup_ticks), " it fails.");
      case State::kAuthenticated:
        return add(Why::kWaitingForBackendOpen, "The backend has not answered Open for ", since(),
                   "; in ", left_of(limits.setup_ticks),
                   " the setup fails. Look at the backend's log for this "
                   "key, and at interlock_backend_* of gateway ",
                   record_.owner, ".");
      case State::kServicesReady:
        return add(Why::kWaitingForSetup, "The backend has answered; gateway ", record_.owner,
                   " has yet to say that events may flow. In ", left_of(limits.setup_ticks),
                   " the setup fails.");
      case State::kDegraded:
        add(Why::kBehindOpenBreaker, "Its gateway could not reach the backend ", since(),
            " ago and keeps trying: events still arrive, messages are answered with an error that "
            "says so.");
        return of_runs();
      case State::kReconnecting:
        return of_waiting(limits);
      case State::kClosing:
        return add(Why::kBeingClosed, "It is being closed; in ", left_of(limits.setup_ticks),
                   " it is CLOSED in any case.");
      case State::kClosed:
      case State::kFailed:
        return of_end(limits);
      case State::kProcessingReady:
      case State::kProcessing:
      case State::kIdle:
        if (!connection_.orphaned) {
          add(Why::kHeldByGateway, "Gateway ", record_.owner, " holds it, ",
              view(name_of(record_.state)), " for ", since(), ".");
        }
        return of_runs();
    }
  }

  void of_runs() {
    if (const std::size_t runs = open_runs(record_); runs > 0) {
      add(Why::kRunOpen, runs, runs == 1 ? " agent run is" : " agent runs are",
          " open: until agent_completed comes, or nothing for ",
          duration(context_.limits.deadlines.run_silence_ticks * context_.tick_ms), ".");
    }
  }

  void of_waiting(const DeadlineLimits& limits) {
    if (!record_.owner.empty()) {
      return add(Why::kWaitingForResume, "The client is back through gateway ", record_.owner,
                 ", which has been resuming it for ", since(), "; in ", left_of(limits.setup_ticks),
                 " it waits for its client again.");
    }
    add(Why::kWaitingForClient,
        "It has no socket and no gateway. It has waited for its client for ", since(), "; in ",
        left_of(limits.resume_window_ticks),
        " it ends as CLOSED (RESUME_EXPIRED). Events are kept until then.");
  }

  void of_end(const DeadlineLimits& limits) {
    const bool closed = record_.state == State::kClosed;
    add(Why::kEnded, "It ended ", since(), " ago, ", view(name_of(record_.state)),
        closed ? ": a new connection of this key begins a new sequence."
               : ": a new connection of this key goes on with its sequence and its outbox.",
        " The record is kept for ", left_of(limits.retention_ticks), " more.");
    if (is_barred(record_)) {
      add(Why::kBarred,
          "An operator has ended it for good: claims of this key are refused while the "
          "record is kept. Kick it again with may_return to let the client back.");
    }
    if (record_.closed_pending != 0) {
      add(Why::kBackendNotTold,
          "Its backend has not confirmed Closed yet; it is told again through "
          "every gateway that has one, for up to ",
          duration(limits.closed_pending_ticks * context_.tick_ms), ".");
    }
  }

  void of_outbox() {
    const AuthorityLimits& limits = context_.limits;
    const std::uint64_t events = outbox_events(record_);
    const std::uint64_t bytes = outbox_bytes(record_);
    if (is_final(record_.state) && record_.state != State::kFailed) return;
    if (events >= limits.outbox_events_max || bytes >= limits.outbox_bytes_max) {
      add(Why::kOutboxFull, "The outbox is full (", events, " events, ", bytes,
          " bytes): publishes are refused with RESOURCE_EXHAUSTED until the client acknowledges "
          "event ",
          record_.acknowledged + 1, ".");
    } else if (events > 0) {
      const Tick age = context_.tick - std::min(record_.outbox_since_tick, context_.tick);
      add(Why::kUnacknowledged, events, events == 1 ? " event waits" : " events wait",
          " for the client's acknowledgement, from ", record_.acknowledged + 1,
          " on; the last one "
          "came ",
          duration(age * context_.tick_ms), " ago.");
    }
    if (!context_.no_room.empty()) {
      add(Why::kStoreIsFull, "New sessions and publishes are refused: ", context_.no_room);
    }
  }

  void of_steering() {
    if (context_.takeover_after_ms > 0) {
      add(Why::kTakeoversDamped,
          "It has been taken over too often of late (flapping): the next takeover is refused for ",
          duration(context_.takeover_after_ms),
          ". Two clients or two tabs with one session id do this.");
    }
  }

  const SeenConnection& connection_;
  const Record& record_;
  const ExplainContext& context_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> explain(const std::optional<SeenConnection>& connection,
                             const ExplainContext& context) {
  if (connection) return Explanation(*connection, context).give();
  std::vector<Finding> findings;
  if (context.store_away) {
    findings.push_back(
        {Why::kStoreIsAway, "The store is away: what this coordinator remembers may be old."});
  }
  findings.push_back(
      {Why::kUnknownKey,
       absl::StrCat("There is no record of this key: it never connected, or it ended more than ",
                    duration(context.limits.deadlines.retention_ticks * context.tick_ms),
                    " ago. Keys are written subject:session.")});
  return findings;
}

}  // namespace interlock
