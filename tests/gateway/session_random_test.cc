// Every input in every phase, and long random lives: what may never happen never does.
#include <functional>
#include <random>

#include "tests/gateway/session_script.h"
#include "tests/gateway/session_watcher.h"

namespace interlock {
namespace {

// A session and its watcher.
class Watched {
 public:
  explicit Watched(SessionRequest request, SessionLimits limits = {})
      : limits_(limits), session_(std::move(request), limits_) {}

  const SessionActions& feed(const SessionInput& input, double random = 0.5) {
    watcher_.saw(input);
    actions_ = session_.step(input, random);
    for (const SessionAction& action : actions_) watcher_.saw(action);
    return actions_;
  }
  // The socket ends, whatever went before, and something comes late.
  void end() {
    feed(SocketEnded{1006});
    feed(delivery({1}));
    feed(SocketEnded{1006});
    watcher_.ended();
  }

  const SessionWatcher& watcher() const { return watcher_; }

 private:
  const SessionLimits limits_;
  Session session_;
  SessionWatcher watcher_;
  SessionActions actions_;
};

Operated with_refused_step(Operated answer) {
  answer.answer.mutable_done()->add_refused()->mutable_refusal()->mutable_illegal_transition();
  return answer;
}

v1::Refusal stale(std::uint64_t generation) {
  v1::Refusal refusal;
  refusal.mutable_stale_generation()->set_current_generation(generation);
  return refusal;
}

StateMoved moved(v1::State state) {
  StateMoved input;
  input.notice.set_generation(kGeneration);
  input.notice.set_state(state);
  return input;
}

ReleasedNotice released(std::uint64_t generation) {
  ReleasedNotice input;
  input.released.set_generation(generation);
  return input;
}

TransientReceived transient(std::uint64_t after) {
  TransientReceived input;
  input.event.set_after(after);
  input.event.set_data("1");
  return input;
}

// At least one of each kind, in the shapes that the machine tells apart.
std::vector<SessionInput> all_inputs() {
  std::vector<SessionInput> inputs{Started{},
                                   Upgraded{},
                                   PongReceived{},
                                   ConsumerTooSlow{},
                                   FrameTooBig{},
                                   CoordinatorAway{5},
                                   HoldBegan{},
                                   HoldEnded{},
                                   answered(new_grant()),
                                   answered(resumed_grant()),
                                   answered(grant({v1::CONNECTING, v1::PROCESSING_READY}, 3, 4)),
                                   answered(stale(80)),
                                   answered(v1::Refusal()),
                                   done(v1::SERVICES_READY, 1),
                                   done(v1::PROCESSING_READY, 2),
                                   done(v1::PROCESSING, 9, 2),
                                   done(v1::DEGRADED, 1),
                                   done(v1::RECONNECTING, 9),
                                   with_refused_step(done(v1::SERVICES_READY, 2)),
                                   refused(stale(80)),
                                   refused(stale(kGeneration)),
                                   refused(v1::Refusal()),
                                   BackendOpened{OpenResult::kOk},
                                   BackendOpened{OpenResult::kUnavailable},
                                   BackendOpened{OpenResult::kRefused},
                                   MessageTaken{"m1"},
                                   MessageFailed{"m1", "UNAVAILABLE", "", true},
                                   MessageFailed{"m1", "ABORTED", "", true},
                                   MessageFailed{"m1", "INVALID_ARGUMENT", "", false},
                                   transient(0),
                                   transient(5),
                                   message("m1"),
                                   message("m2"),
                                   ack(0),
                                   ack(1),
                                   ack(99),
                                   client_ping(),
                                   FrameReceived{.payload = "x"},
                                   FrameReceived{.binary = true},
                                   delivery({1}),
                                   delivery({2, 3}),
                                   delivery({7}),
                                   delivery({}),
                                   moved(v1::PROCESSING),
                                   moved(v1::CLOSED),
                                   SupersededNotice{78},
                                   SupersededNotice{kGeneration},
                                   released(kGeneration),
                                   released(5),
                                   DrainRequested{100},
                                   SocketEnded{1000},
                                   SocketEnded{1006}};
  for (const SessionTimer timer :
       {SessionTimer::kClaim, SessionTimer::kSetup, SessionTimer::kPing, SessionTimer::kPong,
        SessionTimer::kClose, SessionTimer::kOpenRetry,
        SessionTimer::kTransient}) {
    inputs.push_back(TimerFired{timer});
  }
  return inputs;
}

TEST(SessionInputs, EachIsLegalInEveryPhaseAlsoWithAnyOtherBehindIt) {
  const std::vector<std::vector<SessionInput>> lives{
      {Started{}, answered(new_grant()), message("m1"), Upgraded{}, delivery({1}),
       BackendOpened{OpenResult::kOk}, done(v1::SERVICES_READY, 1),
       done(v1::PROCESSING_READY, 2, 2), delivery({2, 3}), transient(5),
       TimerFired{SessionTimer::kPing}, message("m2"), MessageTaken{"m1"}, SupersededNotice{80},
       SocketEnded{4500}},
      {Started{}, answered(resumed_grant()), BackendOpened{OpenResult::kUnavailable}, Upgraded{},
       message("m1"), done(v1::DEGRADED, 1), TimerFired{SessionTimer::kOpenRetry},
       BackendOpened{OpenResult::kOk}, message("m1"), MessageFailed{"m1", "UNAVAILABLE", "", true},
       DrainRequested{5}, TimerFired{SessionTimer::kClose}},
      {HoldBegan{}, Started{}, answered(new_grant()), Upgraded{}, message("m1"), HoldEnded{},
       BackendOpened{OpenResult::kOk}, done(v1::PROCESSING_READY, 2, 2), HoldBegan{},
       delivery({1, 2}), message("m2"), MessageTaken{"m1"}, ack(99), transient(0), HoldEnded{},
       MessageTaken{"m2"}, SocketEnded{1000}},
      {CoordinatorAway{5}}};
  const std::vector<SessionInput> inputs = all_inputs();
  for (const std::vector<SessionInput>& life : lives) {
    Watched at_phase(request_with_backend());
    for (std::size_t phase = 0; phase <= life.size(); ++phase) {
      if (phase > 0) at_phase.feed(life[phase - 1]);
      for (std::size_t first = 0; first < inputs.size(); ++first) {
        Watched with_first = at_phase;
        with_first.feed(inputs[first]);
        for (std::size_t second = 0; second < inputs.size(); ++second) {
          Watched watched = with_first;
          watched.feed(inputs[second]);
          watched.end();
          ASSERT_EQ(watched.watcher().wrong(), "")
              << "phase " << phase << ", inputs " << first << " and " << second;
        }
      }
    }
  }
}

// ---- random lives ----

class RandomLife {
 public:
  explicit RandomLife(std::uint64_t seed)
      : random_(seed), watched_(random_request(), random_limits()) {}

  void run() {
    for (int i = 0; i < 60 && watched_.watcher().wrong().empty(); ++i) {
      const SessionInput input = chance(70) && !expected_.empty() ? take_expected() : anything();
      note(watched_.feed(input, uniform_(random_)));
    }
    watched_.end();
  }

  const SessionWatcher& watcher() const { return watched_.watcher(); }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }

  SessionRequest random_request() {
    SessionRequest request = request_with_backend();
    request.has_backend = chance(80);
    request.show_states = chance(30);
    return request;
  }
  SessionLimits random_limits() {
    return {.early_messages_max = 1 + static_cast<std::uint32_t>(below(4)),
            .early_bytes_max = 200,
            .waiting_messages_max = 1 + static_cast<std::uint32_t>(below(4)),
            .transients_held_max = 2,
            .kept_frames_max = 1 + static_cast<std::uint32_t>(below(4))};
  }

  // What the world would answer to what the session wants.
  void note(const SessionActions& actions) {
    for (const SessionAction& action : actions) {
      std::visit([this](const auto& what) { answer(what); }, action);
    }
  }
  void answer(const SendClaim&) {
    if (chance(20)) return expected_.push_back(answered(stale(80)));
    next_seq_ = 1 + below(3);
    last_seq_ = next_seq_ - 1 + below(3);
    const bool through = chance(30);
    v1::Granted granted = chance(50) ? resumed_grant() : new_grant();
    if (through) {
      granted.add_steps(v1::PROCESSING_READY);
      granted.set_state(v1::PROCESSING_READY);
    }
    granted.set_next_seq(next_seq_);
    granted.set_last_seq(last_seq_);
    expected_.push_back(answered(granted));
  }
  void answer(const AcceptUpgrade&) { expected_.push_back(Upgraded{}); }
  void answer(const SendOperation& action) {
    ++operations_;
    if (action.operation.has_advance()) {
      expected_.push_back(done(action.operation.advance(), operations_, last_seq_));
    }
  }
  void answer(const OpenBackend&) {
    expected_.push_back(BackendOpened{chance(70) ? OpenResult::kOk : OpenResult::kUnavailable});
  }
  void answer(const SendToBackend& action) {
    if (chance(80)) return expected_.push_back(MessageTaken{action.id});
    expected_.push_back(MessageFailed{action.id, "UNAVAILABLE", "", true});
  }
  void answer(const CloseSocket&) { expected_.push_back(SocketEnded{4000}); }
  template <typename Other>
  void answer(const Other&) {}

  // Mostly in order, as one stream gives it.
  SessionInput take_expected() {
    const std::size_t at = chance(80) ? 0 : below(expected_.size());
    SessionInput input = expected_[at];
    if (!chance(5)) expected_.erase(expected_.begin() + static_cast<std::ptrdiff_t>(at));
    return input;
  }

  SessionInput anything() {
    static const std::vector<SessionInput> inputs = all_inputs();
    switch (below(11)) {
      case 10:
        return chance(40) ? SessionInput(HoldBegan{}) : SessionInput(HoldEnded{});
      case 0:
      case 1:
      case 2:
        return next_delivery();
      case 3:
      case 4:
        return message("m" + std::to_string(below(5)));
      case 5:
        return ack(below(12));
      case 6:
        return transient(below(12));
      case 7:
        return TimerFired{static_cast<SessionTimer>(below(6))};
      default:
        return chance(50) ? SessionInput(Started{}) : inputs[below(inputs.size())];
    }
  }

  SessionInput next_delivery() {
    std::vector<std::uint64_t> sequences;
    const auto count = below(4);
    for (std::uint64_t i = 0; i < count; ++i) sequences.push_back(next_seq_++);
    if (chance(10)) next_seq_ -= below(std::min<std::uint64_t>(next_seq_, 3));
    if (chance(1)) ++next_seq_;
    Delivered input = delivery(std::move(sequences));
    if (chance(2)) input.delivery.set_generation(kGeneration + below(2));
    return input;
  }

  std::mt19937_64 random_;
  std::uniform_real_distribution<double> uniform_{0, 1};
  Watched watched_;
  std::vector<SessionInput> expected_;
  std::uint64_t operations_ = 0;
  std::uint64_t next_seq_ = 1;
  std::uint64_t last_seq_ = 0;
};

TEST(SessionInputs, TenThousandsOfRandomLivesKeepTheRules) {
  constexpr std::uint64_t lives = 30'000;
  std::uint64_t ready = 0;
  std::uint64_t messages = 0;
  std::uint64_t events = 0;
  std::uint64_t held = 0;
  for (std::uint64_t seed = 1; seed <= lives; ++seed) {
    RandomLife life(seed);
    life.run();
    ASSERT_EQ(life.watcher().wrong(), "") << "seed " << seed;
    ready += life.watcher().ready() ? 1 : 0;
    messages += life.watcher().messages_sent();
    events += life.watcher().events_sent();
    held += life.watcher().held_inputs();
  }
  // Lives that end before anything happens would show nothing.
  EXPECT_GT(ready, lives / 4);
  EXPECT_GT(messages, lives / 4);
  EXPECT_GT(events, lives / 4);
  EXPECT_GT(held, lives / 4);
}

}  // namespace
}  // namespace interlock
