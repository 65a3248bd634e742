// The twelve states of a connection and the only ways between them.
//
// The table is written once, in lifecycle.cc, as data; checks, `interlockctl lifecycle` and the
// models that are compared with the program all derive from it.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace interlock {

// The numbers are those of `v1::State` and are stored.
enum class State : std::uint8_t {
  kConnecting = 1,
  kAccepted = 2,
  kAuthenticated = 3,
  kServicesReady = 4,
  kProcessingReady = 5,
  kProcessing = 6,
  kIdle = 7,
  kDegraded = 8,
  kReconnecting = 9,
  kClosing = 10,
  kClosed = 11,
  kFailed = 12,
};
inline constexpr std::array<State, 12> kStates{
    State::kConnecting, State::kAccepted, State::kAuthenticated, State::kServicesReady,
    State::kProcessingReady, State::kProcessing, State::kIdle, State::kDegraded,
    State::kReconnecting, State::kClosing, State::kClosed, State::kFailed};

// A set of states, as bits 1 << number.
using StateSet = std::uint16_t;
constexpr StateSet bit(State state) {
  return static_cast<StateSet>(1u << static_cast<unsigned>(state));
}
constexpr bool contains(StateSet set, State state) { return (set & bit(state)) != 0; }

struct LifecycleRow {
  State from;
  StateSet to;
};
// One row per state, in the order of the numbers.
const std::array<LifecycleRow, 12>& lifecycle();

bool may_follow(State from, State to);
std::vector<State> successors(State from);

// Setup: the socket is being brought up and nothing flows.
constexpr bool is_setup(State state) { return state <= State::kServicesReady; }
// Operational: events and messages flow.
constexpr bool is_operational(State state) {
  return state >= State::kProcessingReady && state <= State::kDegraded;
}
constexpr bool is_final(State state) {
  return state == State::kClosed || state == State::kFailed;
}

// "CONNECTING", as on the wire and in the documentation.
std::string_view name_of(State state);

}  // namespace interlock
