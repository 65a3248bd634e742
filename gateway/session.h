// What one client's session does next.
//
// A pure machine: inputs in, actions out; no socket, clock, thread or random number. The shell
// (session_shell) carries the actions out in order and feeds back what happened; the simulator runs
// the very same code. The life of a session reads: claim, accept, open the backend, become ready,
// replay, barrier, live, end.
//
//   claim -> accept (101) -> hello -> Open the backend -> SERVICES_READY, PROCESSING_READY
//         -> replayed events -> ready -> live events and messages -> close, detach or superseded
//
// Nothing of the client's is processed, and no event is sent, before this session's own generation
// has durably reached PROCESSING_READY or DEGRADED. Early messages wait in a bounded buffer.
//
// While the gateway holds, data waits in bounded buffers: events, messages in both directions, what
// became of them, and the Open of the backend. Control goes on: 101 and hello (the grant is
// durable), pings and pongs, operations (the store decides them), and every way to end.
#pragma once

#include "common/backoff.h"
#include "gateway/frames.h"
#include "gateway/message_queue.h"
#include "gateway/replay.h"
#include "gateway/session_types.h"
#include "gateway/transient_queue.h"

namespace interlock {

class Session {
 public:
  // `limits` outlive it.
  Session(SessionRequest request, const SessionLimits& limits);
  Session(SessionRequest request, SessionLimits&& limits) = delete;

  const std::string& key() const { return request_.key; }
  const std::string& subject() const { return request_.subject; }

  // `random` in [0, 1) is used for jitter. Every input is legal in every state; one that no longer
  // means anything yields nothing.
  SessionActions step(SessionInput input, double random);

  // The client has been told `ready`, and it has not ended yet.
  bool live() const { return phase_ == Phase::kOpen && replay_.live(); }
  bool finished() const { return phase_ == Phase::kFinished; }
  std::uint64_t generation() const { return generation_; }  // 0: not granted

 private:
  enum class Phase : std::uint8_t {
    kNew,        // nothing asked yet
    kClaiming,   // waits for the claim
    kUpgrading,  // granted; the 101 is being written
    kSetup,      // waits for the backend and for PROCESSING_READY or DEGRADED
    kOpen,       // operational: replaying, then live
    kClosing,    // a close frame is sent; all that is left is the end of the socket
    kFinished,
  };
  enum class Backend : std::uint8_t { kNone, kOpening, kThere, kAway };

  // ---- session_setup.cc: from the claim to operational ----
  void on(const Started&);
  void on(const CoordinatorAway& away);
  void on(const ClaimAnswered& answered);
  void on(const Upgraded&);
  void on(const BackendOpened& opened);
  void on(const Operated& operated);
  void on(const StateMoved& moved);
  void granted(const v1::Granted& grant);
  void refuse(RefuseUpgrade refusal);
  void open_backend();
  void backend_away();
  void backend_refused();
  void advance_to(v1::State to);
  void advance(v1::State to);
  void done(const v1::Done& done);
  void become_operational(std::uint64_t last_sequence);
  void show(v1::State state);

  // ---- session_traffic.cc: events down, messages up ----
  void on(Delivered& delivered);
  void on(TransientReceived& transient);
  void on(const FrameReceived& frame);
  void on(const PongReceived&) { heard(); }
  void on(const MessageTaken& taken);
  void on(const MessageFailed& failed);
  void take(ClientMessage& message);
  void take(const ClientAck& ack);
  void take(const ClientPing&);
  void take(const FrameFault& fault);
  void heard();
  void send_frame(std::string text);
  void send_control(std::string text);  // also during a hold
  void open_when_operational();
  void send_held_events();
  void send_events(const v1::Delivery& delivery);
  void become_live_when_due();
  void send_transients();
  void count_dropped(std::uint64_t transients);
  void return_credit(const v1::Delivery& delivery);
  void drop_held_events();
  void send_next_message();
  void fail_message(const std::string& id, std::string_view code, std::string_view message,
                    bool retryable);

  // ---- session_hold.cc: what waits while the gateway may not act ----
  void on(const HoldBegan&);
  void on(const HoldEnded&);
  void keep_frame(std::string text);
  void send_kept();
  void close_overfilled();

  // ---- session.cc: dispatch, timers, and every way to end ----
  void on(const TimerFired& fired);
  void on(const SupersededNotice& notice);
  void on(const ReleasedNotice& notice);
  void on(const DrainRequested& request);
  void on(const ConsumerTooSlow&);
  void on(const FrameTooBig&);
  void on(const SocketEnded& ended);
  void give_up_claim(RefuseUpgrade refusal);
  void abandon();
  void give_up_setup();
  void detach(v1::Reason reason);
  void end(v1::Operation last);  // Close, Detach or Fail
  void fenced(std::uint64_t by_generation);
  void defect(std::string_view sentence);
  void close(CloseCode code, const CloseDetail& detail = {});
  void begin_closing();
  void finish();

  // Granted, and neither closing nor over.
  bool holds() const { return phase_ >= Phase::kUpgrading && phase_ <= Phase::kOpen; }
  void act(SessionAction action) { actions_.push_back(std::move(action)); }

  SessionRequest request_;
  const SessionLimits& limits_;
  SessionActions actions_;      // of this step
  double random_ = 0;           // of this step
  Phase phase_ = Phase::kNew;

  std::uint64_t generation_ = 0;
  std::uint64_t operations_ = 0;                // sent, so the number of the last one
  v1::State state_ = v1::STATE_UNSPECIFIED;     // the last one heard of
  v1::State asked_ = v1::STATE_UNSPECIFIED;     // granted, or the last one asked for
  bool machine_resumed_ = false;                // it may wait for its client again
  bool operational_ = false;                    // durably, in this generation
  bool position_lost_ = false;
  bool resumed_ = false;

  Backend backend_ = Backend::kNone;
  bool opening_ = false;                        // an Open is under way
  Backoff open_retry_;

  Replay replay_;
  std::uint64_t acknowledged_ = 0;              // by the client
  std::vector<v1::Delivery> held_;              // before operational; bounded by the link's credit
  struct Frame {
    std::string text;
    bool control = false;
  };
  std::vector<Frame> before_hello_;             // frames that wait for the 101
  TransientQueue transients_;
  bool transients_timed_ = false;               // the first one that waits does so for so long only
  MessageQueue messages_;
  bool awaiting_pong_ = false;

  bool on_hold_ = false;
  bool open_wanted_ = false;                    // an Open waits for the end of the hold
  bool overfilled_ = false;                     // by this step
  std::vector<std::string> kept_frames_;
  std::uint64_t kept_bytes_ = 0;
};

}  // namespace interlock
