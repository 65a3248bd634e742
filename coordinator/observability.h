// What the coordinator's engine does, in logs and numbers.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <variant>

#include "common/metrics.h"
#include "coordinator/engine/engine_thread.h"
#include "interlock/v1/admin.pb.h"

namespace interlock {

class Observability final : public EngineObserver {
 public:
  // `on_fatal` ends the process; it is called on the engine's thread after the line is logged.
  Observability(Metrics& metrics, std::function<void()> on_fatal);

  void happened(const Happened& happened) override;
  void run_over(const RunOver& over) override;
  void closed_given_up(const ClosedGivenUp& given_up) override;
  void committed(const Committed& committed, double seconds) override;
  void answered(const Answered& answered) override;
  void published(const Published& published) override;
  void delivered(const EventsDelivered& delivered) override;
  void fed(double lag_seconds) override;
  void fatal(const std::string& reason) override;

  // Sets what is read rather than counted.
  void show(const EngineThread& engine, std::size_t streams);
  // What it has counted; from any thread.
  void add_to(v1::StatsResponse& stats) const;

 private:
  void log_trouble(const Committed& committed);
  void refused(const Refusal& refusal, bool to_claim);

  std::function<void()> on_fatal_;
  std::array<std::array<prometheus::Counter*, 13>, 13> transitions_{};
  std::array<prometheus::Counter*, std::variant_size_v<Refusal>> refusals_{};
  std::array<prometheus::Counter*, std::variant_size_v<Refusal>> claims_refused_{};
  std::string trouble_;  // of the store, as it was logged last
  std::chrono::steady_clock::time_point trouble_logged_;
  std::array<prometheus::Gauge*, 13> connections_{};
  prometheus::Counter& claims_granted_;
  prometheus::Counter& claims_resumed_;
  prometheus::Counter& claims_taken_over_;
  prometheus::Counter& illegal_;
  prometheus::Counter& stale_generations_;
  prometheus::Counter& accepted_;
  prometheus::Counter& sent_;
  prometheus::Counter& acknowledged_;
  prometheus::Counter& expired_;
  prometheus::Histogram& delivery_seconds_;
  prometheus::Histogram& outbox_depth_;
  prometheus::Histogram& feed_lag_seconds_;
  prometheus::Histogram& commit_seconds_;
  prometheus::Histogram& commit_entries_;
  prometheus::Counter& conflicts_;
  prometheus::Counter& unknown_;
  prometheus::Counter& failed_;
  prometheus::Counter& takeovers_;
  prometheus::Counter& orphans_;
  prometheus::Counter& runs_complete_;
  prometheus::Counter& runs_incomplete_;
  std::array<prometheus::Counter*, kAgentEvents.size()> run_events_{};
  prometheus::Counter& closed_given_up_;
  prometheus::Gauge& store_away_;
  prometheus::Gauge& tick_;
  prometheus::Gauge& live_gateways_;
  prometheus::Gauge& streams_;
  prometheus::Counter& retries_;
  prometheus::Counter& damped_;
  prometheus::Gauge& flapping_;
  prometheus::Gauge& outbox_events_;
  prometheus::Gauge& outbox_bytes_;
  prometheus::Gauge& lease_age_;
  prometheus::Gauge& short_of_room_;
  prometheus::Gauge& watchers_;
};

}  // namespace interlock
