#include "coordinator/authority/lifecycle.h"

namespace interlock {
namespace {

constexpr StateSet set_of(std::initializer_list<State> states) {
  StateSet set = 0;
  for (State state : states) set = static_cast<StateSet>(set | bit(state));
  return set;
}

using enum State;

// RECONNECTING behind the first three operational states is ours: the socket of an operational
// connection can be lost, and then the machine waits for its client instead of lying about it.
constexpr std::array<LifecycleRow, 12> kLifecycle{{
    {kConnecting, set_of({kAccepted, kFailed, kClosed})},
    {kAccepted, set_of({kAuthenticated, kFailed, kClosed})},
    {kAuthenticated, set_of({kServicesReady, kDegraded, kFailed, kClosed})},
    {kServicesReady, set_of({kProcessingReady, kDegraded, kFailed, kClosed})},
    {kProcessingReady,
     set_of({kProcessing, kIdle, kDegraded, kReconnecting, kClosing, kFailed, kClosed})},
    {kProcessing,
     set_of({kProcessingReady, kIdle, kDegraded, kReconnecting, kClosing, kFailed, kClosed})},
    {kIdle,
     set_of({kProcessing, kProcessingReady, kDegraded, kReconnecting, kClosing, kFailed, kClosed})},
    {kDegraded,
     set_of({kProcessingReady, kProcessing, kIdle, kReconnecting, kClosing, kFailed, kClosed})},
    {kReconnecting, set_of({kServicesReady, kProcessingReady, kDegraded, kFailed, kClosed})},
    {kClosing, set_of({kClosed})},
    {kClosed, 0},
    {kFailed, 0},
}};

constexpr std::array<std::string_view, 13> kNames{
    "STATE_UNSPECIFIED", "CONNECTING", "ACCEPTED",     "AUTHENTICATED", "SERVICES_READY",
    "PROCESSING_READY",  "PROCESSING", "IDLE",         "DEGRADED",      "RECONNECTING",
    "CLOSING",           "CLOSED",     "FAILED"};

}  // namespace

const std::array<LifecycleRow, 12>& lifecycle() { return kLifecycle; }

bool may_follow(State from, State to) {
  return contains(kLifecycle[static_cast<std::size_t>(from) - 1].to, to);
}

std::vector<State> successors(State from) {
  std::vector<State> states;
  for (State to : kStates) {
    if (may_follow(from, to)) states.push_back(to);
  }
  return states;
}

std::string_view name_of(State state) {
  const auto number = static_cast<std::size_t>(state);
  return number < kNames.size() ? kNames[number] : kNames[0];
}

}  // namespace interlock
