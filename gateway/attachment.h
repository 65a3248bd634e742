// Everything that one gateway and its coordinator have between them, whichever stream carries it.
//
// A pure machine: no gRPC, no thread, no clock. The shell (attachment_shell) opens streams, writes
// what `next_message` gives, and feeds in what arrives. It keeps what must survive a stream: claims
// that wait for their answer, the generations held, and every operation that was not answered.
// After each attach it lists them, learns what became of each, and repeats the rest.
//
// The list is sent only when the coordinator's hello has come. What is owned and not listed will be
// detached up to the position at which that hello was sent; so a list that is read very late, when
// this gateway has long attached and claimed elsewhere, can do no harm.
//
// A grant counts only if it answers a claim that is still waited for; any other is detached at
// once. Answers of an earlier stream are discarded (the shell names the stream in every call).
//
// While the lease (lease.h) does not let the gateway act, it holds: claims and operations go on,
// since the store decides them; the sessions let nothing flow. When the lease has run out, or no
// coordinator has said anything for too long, every connection is released with 4005, everything is
// forgotten, and the gateway goes on under another id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "gateway/attachment_limits.h"
#include "gateway/event_credit.h"
#include "gateway/held_generations.h"
#include "gateway/lease.h"
#include "gateway/stream_schedule.h"
#include "gateway/waiting_claims.h"
#include "interlock/v1/gateway.pb.h"

namespace interlock {

// The gateway holds, or acts again. A session whose shell asks act_until_ms() itself is only woken
// by this.
struct HoldNotice {
  bool holding = false;
};

// Why a gateway id is used up.
enum class IdentityEnd : std::uint8_t {
  kExpired,  // a coordinator says so
  kGaveUp,   // no coordinator has said anything
};

// What a session is told. The shell brings it to the session that `connection` names.
struct ConnectionNotice {
  std::uint64_t connection = 0;  // the number that the caller gave with its claim; never 0
  std::variant<v1::ClaimAnswer, v1::OperateAnswer, v1::Superseded, v1::Released, v1::StateNotice,
               v1::Delivery, HoldNotice>
      what;
};

class Attachment {
 public:
  // `has_backend`: this gateway can tell a backend of machines that ended.
  Attachment(std::string gateway_id, std::string address, const AttachmentLimits& limits,
             bool has_backend = false);

  // ---- from the sessions; never fail, whatever the stream does ----
  void claim(std::uint64_t connection, v1::ClaimRequest request);
  // The client has gone before the answer: the claim is never repeated, a late grant is detached.
  void abandon(std::uint64_t connection);
  // Numbers the operation within its generation and keeps it until it is answered.
  // `traceparent`: of the step that asks; empty: not traced.
  void operate(std::uint64_t connection, std::uint64_t generation, v1::Operation operation,
               std::string traceparent = {});
  void acknowledge(std::uint64_t connection, std::uint64_t generation, std::uint64_t sequence);
  void events_sent(std::uint64_t connection, std::uint64_t generation, std::uint64_t sequence);
  void return_credit(std::uint64_t bytes);
  // The session is over. What it left unanswered is still seen through.
  void forget(std::uint64_t connection);
  // The backend has been told of an end, or does not want to be.
  void closed_delivered(const std::string& key, std::uint64_t generation);

  // ---- from the shell ----
  void stream_opened(std::uint64_t stream, std::uint64_t now_ms);
  void stream_closed(std::uint64_t stream, std::uint64_t now_ms, double random);
  void received(std::uint64_t stream, const v1::AttachResponse& message, std::uint64_t now_ms);
  // After identity_over(): an id that was never used. Until then no stream is opened.
  void take_identity(std::string gateway_id);
  // Call at wake_at_ms() and after every input.
  void advance_time(std::uint64_t now_ms);

  // What to write now; nothing when there is nothing to say or no stream. At most one message is
  // under way; all that waits is packed into it.
  std::optional<v1::AttachRequest> next_message(std::uint64_t now_ms);
  std::vector<ConnectionNotice> take_notices();
  // Ends that the backend is to be told of; the coordinators ask again until closed_delivered().
  std::vector<v1::ClosedToDeliver> take_closed() { return std::exchange(closed_, {}); }
  // The stream must be cut (no hello in time, told to drain, silent, store away, identity over,
  // protocol broken): why. For "drain", end it in good order: what still comes counts.
  // `stream_closed` must follow.
  std::optional<std::string> take_cut();
  // When no stream stands: the moment at which to open one.
  std::optional<std::uint64_t> open_at_ms() const;
  std::optional<std::uint64_t> wake_at_ms() const;

  // The first moment at which no session may act any more; 0: none may now. Ask before every input
  // and effect of a session: what waits in a frozen process comes before any timer.
  std::uint64_t act_until_ms() const { return lease_.act_until_ms(); }
  bool holding() const { return holding_; }  // as of the last input
  std::optional<IdentityEnd> identity_over() const { return identity_over_; }
  const std::string& gateway_id() const { return gateway_id_; }
  const Lease& lease() const { return lease_; }

  bool attached() const { return reconciled_; }  // the hello has come and the list is answered
  bool reachable() const { return schedule_.reachable(); }  // a hello stands, or is not overdue
  // Connections a second that an operator wants to see sent elsewhere; 0: none. For good.
  std::uint32_t drain_per_s() const { return drain_per_s_; }
  bool store_away() const { return store_away_; }  // as the last coordinator heard says
  std::uint64_t unanswered_operations() const { return held_.unanswered(); }
  std::uint64_t waiting_claims() const { return claims_.waiting(); }
  // Everything that it keeps: claims, abandoned ones, generations, notices.
  std::uint64_t remembered() const {
    return claims_.waiting() + claims_.abandoned() + held_.size() + notices_.size();
  }
  std::uint64_t heartbeats_sent() const { return heartbeat_; }
  std::uint64_t heartbeats_confirmed() const { return heartbeat_confirmed_; }  // up to this number

 private:
  enum class Phase : std::uint8_t {
    kClosed,  // no stream
    kGreeting,  // our hello is sent; the list follows the coordinator's
    kListing,  // the reconcile list is being sent
    kOpen,  // it has been sent
    kCut,  // nothing more is sent; waits for the stream's end
  };
  void cut(const std::string& why);
  void look_at_lease(std::uint64_t now_ms);
  void release_all(IdentityEnd why);
  static v1::ClaimAnswer refused_as_expired(const v1::ClaimRequest& request);
  std::vector<std::uint64_t> connections() const;  // that hold or claim, in order
  bool take_hello(const v1::AttachResponse& message, std::uint64_t now_ms);
  void take_list(const v1::AttachResponse& message);
  void take_reconciled(const v1::Reconciled& entry);
  void take_answers(const v1::AttachResponse& message, std::uint64_t now_ms);
  void take_claim_answer(const v1::ClaimAnswer& answer);
  void take_changes(const v1::AttachResponse& message);
  void tell(std::uint64_t connection, decltype(ConnectionNotice::what) what);
  void pack_hello(Packing& out);
  void pack_list(Packing& out);
  void pack_work(Packing& out, std::uint64_t now_ms);

  std::string gateway_id_;
  std::string address_;
  AttachmentLimits limits_;
  bool has_backend_;
  WaitingClaims claims_;
  HeldGenerations held_;
  EventCredit credit_;
  StreamSchedule schedule_;
  Lease lease_;
  std::unordered_map<std::uint64_t, GenerationId> granted_;  // by connection, until it is forgotten
  std::vector<ConnectionNotice> notices_;
  std::vector<v1::ClosedToDeliver> closed_;
  std::vector<v1::ClosedDelivered> closed_delivered_;  // to be said on the stream that stands

  Phase phase_ = Phase::kClosed;
  std::uint64_t stream_ = 0;
  bool hello_sent_ = false;
  bool reconciled_ = false;  // the list is answered
  bool draining_ = false;
  std::uint32_t drain_per_s_ = 0;
  bool store_away_ = false;
  bool holding_ = true;  // as the sessions were told
  bool deaf_ = false;    // this stream belongs to an id that is used up
  std::optional<IdentityEnd> identity_over_;
  std::optional<std::string> cut_;
  std::uint64_t heartbeat_ = 0;  // the last one sent, on any stream
  std::uint64_t heartbeat_confirmed_ = 0;
};

}  // namespace interlock
