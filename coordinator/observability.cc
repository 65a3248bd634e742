#include "coordinator/observability.h"

#include "common/log.h"
#include "coordinator/service/refusal.h"
#include "interlock/v1/connection.pb.h"

namespace interlock {
namespace {

constexpr std::chrono::seconds kTroubleAgain{10};
constexpr std::string_view kRunsHelp =
    "Agent runs that are over; complete: ended by the backend, and acknowledged to the end";

}  // namespace

Observability::Observability(Metrics& metrics, std::function<void()> on_fatal)
    : metrics_(metrics),
      on_fatal_(std::move(on_fatal)),
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
      streams_(metrics.gauge("interlock_attached_gateways", "Attach streams to this coordinator")) {
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

void Observability::refused(const Refusal& refusal) {
  prometheus::Counter*& counter = refusals_[std::string(name_of(refusal))];
  if (counter == nullptr) {
    counter = &metrics_.counter("interlock_refusals_total", "Commands refused, by reason",
                                {{"reason", std::string(name_of(refusal))}});
  }
  counter->Increment();
}

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
}

}  // namespace interlock
