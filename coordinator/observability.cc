#include "coordinator/observability.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "common/process_memory.h"
#include "coordinator/service/refusal.h"
#include "interlock/v1/connection.pb.h"

namespace interlock {
namespace {

constexpr std::chrono::seconds kTroubleAgain{10};
constexpr std::string_view kRunsHelp =
    "Agent runs that are over; complete: ended by the backend, and acknowledged to the end";
constexpr std::string_view kClaimsHelp =
    "Claims answered; granted: a new machine; resumed: it waited for its client; taken_over: from "
    "a live owner; otherwise the refusal";
constexpr std::string_view kEventsHelp =
    "Events by how far they came: accepted from a publisher, sent to the owner's gateway (again "
    "after a reconnect), acknowledged by the client, expired";
// What waits for a client may wait for minutes.
const std::vector<double> kDeliveryBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                              0.5,   1,      2.5,   5,    10,    30,   120, 600};

// One of each kind, for its name.
template <std::size_t... kinds>
std::array<Refusal, sizeof...(kinds)> refusals_of_each_kind(std::index_sequence<kinds...>) {
  return {Refusal(std::in_place_index<kinds>)...};
}

std::uint64_t count(const prometheus::Counter& counter) {
  return static_cast<std::uint64_t>(counter.Value());
}

// A counter follows what is counted elsewhere.
void follow(prometheus::Counter& counter, std::uint64_t counted) {
  counter.Increment(static_cast<double>(counted) - counter.Value());
}

}  // namespace

Observability::Observability(Metrics& metrics, std::function<void()> on_fatal)
    : on_fatal_(std::move(on_fatal)),
      claims_granted_(metrics.counter("interlock_claims_total", std::string(kClaimsHelp),
                                      {{"result", "granted"}})),
      claims_resumed_(metrics.counter("interlock_claims_total", std::string(kClaimsHelp),
                                      {{"result", "resumed"}})),
      claims_taken_over_(metrics.counter("interlock_claims_total", std::string(kClaimsHelp),
                                         {{"result", "taken_over"}})),
      illegal_(metrics.counter("interlock_illegal_transitions_total",
                               "Steps that were asked for and are not in the table")),
      stale_generations_(metrics.counter("interlock_stale_generation_refusals_total",
                                         "Calls of owners that had been replaced")),
      accepted_(metrics.counter("interlock_events_total", std::string(kEventsHelp),
                                {{"stage", "accepted"}})),
      sent_(metrics.counter("interlock_events_total", std::string(kEventsHelp),
                            {{"stage", "sent"}})),
      acknowledged_(metrics.counter("interlock_events_total", std::string(kEventsHelp),
                                    {{"stage", "acknowledged"}})),
      expired_(metrics.counter("interlock_events_total", std::string(kEventsHelp),
                               {{"stage", "expired"}})),
      delivery_seconds_(metrics.histogram("interlock_delivery_seconds",
                                          "From an event's publish to handing it to the owner's "
                                          "stream, by the wall clocks of the coordinators",
                                          kDeliveryBuckets)),
      outbox_depth_(metrics.histogram("interlock_outbox_depth_events",
                                      "Events in a connection's outbox behind each publish",
                                      {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000})),
      feed_lag_seconds_(metrics.histogram("interlock_store_feed_lag_seconds",
                                          "From a commit's answer to the feed's showing it",
                                          buckets_short_seconds)),
      commit_seconds_(metrics.histogram("interlock_store_commit_seconds",
                                        "From handing a batch to the store to its answer",
                                        buckets_short_seconds)),
      commit_entries_(metrics.histogram("interlock_store_commit_entries", "Records in a batch",
                                        {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096})),
      conflicts_(metrics.counter("interlock_store_entries_refused_total",
                                 "Entries whose record had changed; they were decided again")),
      unknown_(metrics.counter("interlock_store_entries_unknown_total",
                               "Entries of which the store could not say whether they landed")),
      failed_(metrics.counter("interlock_store_entries_failed_total",
                              "Entries that the store surely did not apply")),
      takeovers_(metrics.counter("interlock_takeovers_total",
                                 "Connections taken from a live owner, by this coordinator")),
      orphans_(metrics.counter("interlock_orphans_swept_total",
                               "Connections of expired gateways let go, by this coordinator")),
      runs_complete_(metrics.counter("interlock_agent_runs_total", std::string(kRunsHelp),
                                     {{"outcome", "complete"}})),
      runs_incomplete_(metrics.counter("interlock_agent_runs_total", std::string(kRunsHelp),
                                       {{"outcome", "incomplete"}})),
      closed_given_up_(metrics.counter("interlock_closed_undelivered_total",
                                       "Ends of connections of which no backend could be told")),
      store_away_(metrics.gauge("interlock_store_away", "1 while the store promises nothing")),
      tick_(metrics.gauge("interlock_tick", "The store's clock, as this coordinator sees it")),
      live_gateways_(metrics.gauge("interlock_live_gateways", "Gateways whose lease stands")),
      streams_(metrics.gauge("interlock_attached_gateways", "Attach streams to this coordinator")),
      retries_(metrics.counter("interlock_commit_retries_total",
                               "Commands decided again: the record had changed, or nobody knew "
                               "what became of the commit")),
      damped_(metrics.counter("interlock_takeovers_damped_total",
                              "Claims refused because their key was taken over too often of late")),
      flapping_(metrics.gauge("interlock_flapping_keys",
                              "Keys that are taken over nearly as often as they may be, or more")),
      outbox_events_(metrics.gauge("interlock_outbox_events", "Events held, of all connections")),
      outbox_bytes_(metrics.gauge("interlock_outbox_bytes",
                                  "Bytes of payload held, of all connections")),
      lease_age_(metrics.gauge("interlock_lease_age_seconds",
                               "Since the oldest of the leases that stand was renewed")),
      short_of_room_(metrics.gauge("interlock_store_short_of_room",
                                   "1 while new sessions and publishes are refused for want of "
                                   "room in the store")),
      watchers_(metrics.gauge("interlock_watchers", "Streams of Watch and WatchDelivery")) {
  const auto kinds =
      refusals_of_each_kind(std::make_index_sequence<std::variant_size_v<Refusal>>());
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const std::string name(name_of(kinds[i]));
    refusals_[i] = &metrics.counter("interlock_refusals_total", "Commands refused, by reason",
                                    {{"reason", name}});
    claims_refused_[i] =
        &metrics.counter("interlock_claims_total", std::string(kClaimsHelp), {{"result", name}});
  }
  for (std::size_t i = 0; i < kAgentEvents.size(); ++i) {
    run_events_[i] = &metrics.counter("interlock_agent_run_events_total",
                                      "Complete agent runs that had an event of this kind",
                                      {{"event", std::string(kAgentEvents[i])}});
  }
  for (State from : kStates) {
    const auto f = static_cast<std::size_t>(from);
    connections_[f] = &metrics.gauge("interlock_connections", "Records by state",
                                     {{"state", std::string(name_of(from))}});
    for (State to : kStates) {
      const bool start = from == State::kConnecting && to == State::kConnecting;
      if (!start && !may_follow(from, to)) continue;
      transitions_[f][static_cast<std::size_t>(to)] = &metrics.counter(
          "interlock_transitions_total", "Durable steps of machines, by this coordinator",
          {{"from", start ? "NONE" : std::string(name_of(from))},
           {"to", std::string(name_of(to))}});
    }
  }
}

void Observability::happened(const Happened& happened) {
  const Transition& step = happened.step;
  prometheus::Counter* counter =
      transitions_[static_cast<std::size_t>(step.from)][static_cast<std::size_t>(step.to)];
  if (counter != nullptr) counter->Increment();
  if (step.reason == Reason::kTakenOver) takeovers_.Increment();
  if (step.reason == Reason::kGatewayExpired) orphans_.Increment();
  log_info("Transition.", {{"key", happened.key},
                           {"from", name_of(step.from)},
                           {"to", name_of(step.to)},
                           {"actor", v1::Actor_Name(static_cast<v1::Actor>(step.actor))},
                           {"reason", v1::Reason_Name(static_cast<v1::Reason>(step.reason))},
                           {"generation", step.generation},
                           {"revision", happened.revision}});
}

void Observability::run_over(const RunOver& over) {
  if (over.run.complete) {
    runs_complete_.Increment();
    for (std::size_t i = 0; i < run_events_.size(); ++i) {
      if ((over.run.kinds >> i & 1) != 0) run_events_[i]->Increment();
    }
    return;
  }
  runs_incomplete_.Increment();
  log_warning("Agent run incomplete.", {{"key", over.key}, {"run", over.run.name}});
}

void Observability::closed_given_up(const ClosedGivenUp& given_up) {
  closed_given_up_.Increment();
  log_warning("No backend could be told of an end.",
              {{"key", given_up.key}, {"generation", given_up.generation}});
}

void Observability::committed(const Committed& committed, double seconds) {
  commit_seconds_.Observe(seconds);
  commit_entries_.Observe(static_cast<double>(committed.entries));
  conflicts_.Increment(static_cast<double>(committed.refused));
  unknown_.Increment(static_cast<double>(committed.unknown));
  failed_.Increment(static_cast<double>(committed.failed));
  log_trouble(committed);
}

// Every batch may fail for the same reason: it is said when it changes, and now and then.
void Observability::log_trouble(const Committed& committed) {
  const auto now = std::chrono::steady_clock::now();
  if (committed.trouble == trouble_ && now < trouble_logged_ + kTroubleAgain) return;
  if (!committed.trouble.empty()) {
    log_warning("The store does not take what it is given.", {{"reason", committed.trouble},
                                                              {"failed", committed.failed},
                                                              {"unknown", committed.unknown}});
  } else if (!trouble_.empty()) {
    log_notice("The store takes commits again.");
  }
  trouble_ = committed.trouble;
  trouble_logged_ = now;
}

void Observability::answered(const Answered& answered) {
  if (const auto* refusal = std::get_if<Refusal>(&answered.answer)) {
    refused(*refusal, answered.to_claim);
  } else if (const auto* done = std::get_if<Done>(&answered.answer)) {
    for (const RefusedOperation& one : done->refused) refused(one.refusal, false);
  } else if (const auto* granted = std::get_if<Granted>(&answered.answer)) {
    const auto& steps = granted->steps;
    const bool begun = std::find(steps.begin(), steps.end(), State::kConnecting) != steps.end();
    (granted->took_over ? claims_taken_over_ : begun ? claims_granted_ : claims_resumed_)
        .Increment();
  }
}

void Observability::refused(const Refusal& refusal, bool to_claim) {
  refusals_[refusal.index()]->Increment();
  if (to_claim) claims_refused_[refusal.index()]->Increment();
  if (std::holds_alternative<IllegalTransition>(refusal)) illegal_.Increment();
  if (std::holds_alternative<StaleGeneration>(refusal)) stale_generations_.Increment();
}

void Observability::published(const Published& published) {
  accepted_.Increment(static_cast<double>(published.events));
  outbox_depth_.Observe(static_cast<double>(published.held));
}

void Observability::delivered(const EventsDelivered& delivered) {
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  for (const OutboxEvent& event : delivered.events) {
    if (event.expired) {
      expired_.Increment();
      continue;
    }
    sent_.Increment();
    const auto waited_ms = std::max<std::int64_t>(now_ms - event.time_unix_ms, 0);
    delivery_seconds_.Observe(static_cast<double>(waited_ms) * 1e-3);
  }
}

void Observability::fed(double lag_seconds) { feed_lag_seconds_.Observe(lag_seconds); }

void Observability::fatal(const std::string& reason) {
  log_error("The coordinator cannot go on.", {{"reason", reason}});
  on_fatal_();
}

void Observability::show(const EngineThread& engine, std::size_t streams) {
  const auto counts = engine.connections_by_state();
  for (State state : kStates) {
    const auto number = static_cast<std::size_t>(state);
    connections_[number]->Set(static_cast<double>(counts[number]));
  }
  store_away_.Set(engine.store_away() ? 1 : 0);
  tick_.Set(static_cast<double>(engine.tick()));
  live_gateways_.Set(static_cast<double>(engine.live_gateways()));
  streams_.Set(static_cast<double>(streams));
  const EngineTally tally = engine.tally();
  follow(acknowledged_, tally.acknowledged);
  follow(retries_, tally.retries);
  follow(damped_, tally.takeovers_damped);
  flapping_.Set(static_cast<double>(tally.flapping));
  outbox_events_.Set(static_cast<double>(tally.outbox_events));
  outbox_bytes_.Set(static_cast<double>(tally.outbox_bytes));
  lease_age_.Set(static_cast<double>(tally.oldest_lease_ticks * engine.tick_ms()) * 1e-3);
  short_of_room_.Set(engine.short_of_room().empty() ? 0 : 1);
  watchers_.Set(static_cast<double>(tally.watchers));
}

void Observability::add_to(v1::StatsResponse& stats) const {
  std::uint64_t transitions = 0;
  for (const auto& row : transitions_) {
    for (const prometheus::Counter* counter : row) {
      if (counter != nullptr) transitions += count(*counter);
    }
  }
  stats.set_transitions(transitions);
  stats.set_takeovers(count(takeovers_));
  stats.set_orphans_swept(count(orphans_));
  const auto kinds =
      refusals_of_each_kind(std::make_index_sequence<std::variant_size_v<Refusal>>());
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (const std::uint64_t refused = count(*refusals_[i]); refused > 0) {
      (*stats.mutable_refusals())[std::string(name_of(kinds[i]))] = refused;
    }
  }
  stats.set_runs_complete(count(runs_complete_));
  stats.set_runs_incomplete(count(runs_incomplete_));
  for (std::size_t i = 0; i < run_events_.size(); ++i) {
    (*stats.mutable_run_events())[std::string(kAgentEvents[i])] = count(*run_events_[i]);
  }
  copy_histogram(commit_seconds_, stats.mutable_commit());
  stats.set_memory_bytes(resident_bytes());
}

}  // namespace interlock
