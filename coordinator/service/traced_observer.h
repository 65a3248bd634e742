// Makes the log lines of steps name the trace of the command that made them.
#pragma once

#include "common/log_trace.h"
#include "coordinator/service/command_traces.h"

namespace interlock {

// In front of whoever keeps logs and metrics; everything is passed on to it.
class TracedObserver final : public EngineObserver {
 public:
  TracedObserver(EngineObserver& to, const CommandTraces& traces) : to_(to), traces_(traces) {}

  void happened(const Happened& happened) override {
    const auto trace = traces_.of(happened.key, happened.step.actor);
    const LogTrace scope(trace ? &*trace : nullptr);
    to_.happened(happened);
  }
  void run_over(const RunOver& over) override { to_.run_over(over); }
  void closed_given_up(const ClosedGivenUp& given_up) override { to_.closed_given_up(given_up); }
  void committed(const Committed& committed, double seconds) override {
    to_.committed(committed, seconds);
  }
  void answered(const Answered& answered) override { to_.answered(answered); }
  void published(const Published& published) override { to_.published(published); }
  void delivered(const EventsDelivered& delivered) override { to_.delivered(delivered); }
  void fed(double lag_seconds) override { to_.fed(lag_seconds); }
  void fatal(const std::string& reason) override { to_.fatal(reason); }

 private:
  EngineObserver& to_;
  const CommandTraces& traces_;
};

}  // namespace interlock
