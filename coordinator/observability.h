// What the coordinator's engine does, in logs and numbers.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "common/metrics.h"
#include "coordinator/engine/engine_thread.h"

namespace interlock {

class Observability final : public EngineObserver {
 public:
  // `on_fatal` ends the process; it is called on the engine's thread after the line is logged.
  Observability(Metrics& metrics, std::function<void()> on_fatal);

  void happened(const Happened& happened) override;
  void run_over(const RunOver& over) override;
  void closed_given_up(const ClosedGivenUp& given_up) override;
  void committed(const Committed& committed, double seconds) override;
  void refused(const Refusal& refusal) override;
  void fatal(const std::string& reason) override;

  // Sets the gauges that are read rather than counted.
  void show(const EngineThread& engine, std::size_t streams);

 private:
  void log_trouble(const Committed& committed);

  Metrics& metrics_;
  std::function<void()> on_fatal_;
  std::array<std::array<prometheus::Counter*, 13>, 13> transitions_{};
  std::map<std::string, prometheus::Counter*> refusals_;
  std::string trouble_;  // of the store, as it was logged last
  std::chrono::steady_clock::time_point trouble_logged_;
  std::array<prometheus::Gauge*, 13> connections_{};
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
};

}  // namespace interlock
