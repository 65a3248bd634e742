// One session, told what happens; what it wants done reads as a transcript.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "gateway/session.h"

namespace interlock {

inline constexpr std::uint64_t kGeneration = 77;
using Transcript = std::vector<std::string>;

inline const char* name_of(SessionTimer timer) {
  constexpr const char* names[] = {"claim", "setup", "ping", "pong", "close", "open_retry",
                                    "transient"};
  return names[static_cast<std::size_t>(timer)];
}

inline std::string describe(const v1::Operation& operation) {
  if (operation.has_detach()) return "detach " + v1::Reason_Name(operation.detach().reason());
  if (operation.has_close()) return "close " + v1::Reason_Name(operation.close().reason());
  if (operation.has_fail()) return "fail " + v1::Reason_Name(operation.fail().reason());
  return "advance " + v1::State_Name(operation.advance());
}

// Each action as one line. One that names another generation than ours says so.
struct Describe {
  static std::string of(std::uint64_t generation) {
    return generation == kGeneration ? "" : " of generation " + std::to_string(generation);
  }
  std::string operator()(const SendClaim& a) const {
    return "claim through " + v1::State_Name(a.request.through());
  }
  std::string operator()(const SendAbandon&) const { return "abandon"; }
  std::string operator()(const AcceptUpgrade&) const { return "accept"; }
  std::string operator()(const RefuseUpgrade& a) const {
    std::string text =
        "refuse " + std::to_string(a.http) + " " + std::to_string(static_cast<int>(a.code));
    if (a.after_ms > 0) text += " after " + std::to_string(a.after_ms);
    if (a.current_generation > 0) text += " current " + std::to_string(a.current_generation);
    return text;
  }
  std::string operator()(const SendOperation& a) const {
    return describe(a.operation) + of(a.generation);
  }
  std::string operator()(const OpenBackend& a) const {
    return std::string(a.resumed ? "open resumed" : "open") + of(a.generation);
  }
  std::string operator()(const SendToBackend& a) const {
    return "to backend " + a.id + " " + a.data + of(a.generation);
  }
  std::string operator()(const SendFrame& a) const { return a.text; }
  std::string operator()(const SendPing&) const { return "ping"; }
  std::string operator()(const Acknowledge& a) const {
    return "acknowledge " + std::to_string(a.sequence) + of(a.generation);
  }
  std::string operator()(const EventsSent& a) const {
    return "sent " + std::to_string(a.sequence) + of(a.generation);
  }
  std::string operator()(const ReturnCredit& a) const {
    return "credit " + std::to_string(a.bytes);
  }
  std::string operator()(const TransientsDropped& a) const {
    return "dropped " + std::to_string(a.count);
  }
  std::string operator()(const CloseSocket& a) const {
    return "close " + std::to_string(static_cast<int>(a.code)) + " " + a.reason;
  }
  std::string operator()(const SetTimer& a) const {
    return std::string("timer ") + name_of(a.timer) + " " + std::to_string(a.after_ms);
  }
  std::string operator()(const CancelTimer& a) const {
    return std::string("cancel ") + name_of(a.timer);
  }
  std::string operator()(const Finish&) const { return "finish"; }
};

// ---- what happens ----

inline SessionRequest request_with_backend() {
  return {.key = "anna:s1",
          .subject = "anna",
          .session = "s1",
          .claim_id = "claim-1",
          .has_backend = true};
}
inline SessionRequest request_without_backend() {
  SessionRequest request = request_with_backend();
  request.has_backend = false;
  return request;
}

// The grant as the coordinator gives it. `next_seq` is one behind what the client has.
inline v1::Granted grant(std::vector<v1::State> steps, std::uint64_t next_seq = 1,
                         std::uint64_t last_seq = 0) {
  v1::Granted granted;
  granted.set_generation(kGeneration);
  granted.set_next_seq(next_seq);
  granted.set_last_seq(last_seq);
  for (const v1::State step : steps) granted.add_steps(step);
  granted.set_state(steps.back());
  return granted;
}
inline v1::Granted new_grant() { return grant({v1::CONNECTING, v1::ACCEPTED, v1::AUTHENTICATED}); }
inline v1::Granted resumed_grant() { return grant({v1::RECONNECTING}); }

inline ClaimAnswered answered(v1::Granted granted) {
  ClaimAnswered input;
  input.answer.set_key("anna:s1");
  input.answer.set_claim_id("claim-1");
  *input.answer.mutable_granted() = std::move(granted);
  return input;
}
inline ClaimAnswered answered(v1::Refusal refusal) {
  ClaimAnswered input = answered(v1::Granted());
  *input.answer.mutable_refusal() = std::move(refusal);
  return input;
}

inline Operated done(v1::State state, std::uint64_t last_op, std::uint64_t last_seq = 0,
                     std::vector<v1::State> steps = {}) {
  Operated input;
  input.answer.set_key("anna:s1");
  input.answer.set_generation(kGeneration);
  v1::Done& done = *input.answer.mutable_done();
  done.set_state(state);
  done.set_last_op(last_op);
  done.set_last_seq(last_seq);
  done.set_owner("gateway-1");
  for (const v1::State step : steps) done.add_steps(step);
  return input;
}
inline Operated refused(v1::Refusal refusal) {
  Operated input = done(v1::STATE_UNSPECIFIED, 0);
  *input.answer.mutable_refusal() = std::move(refusal);
  return input;
}

// Events with these sequences, 10 bytes each.
inline Delivered delivery(std::vector<std::uint64_t> sequences) {
  Delivered input;
  input.delivery.set_generation(kGeneration);
  input.delivery.set_payload_bytes(10 * sequences.size());
  for (const std::uint64_t sequence : sequences) {
    v1::Event& event = *input.delivery.add_events();
    event.set_sequence(sequence);
    event.set_type("e");
    event.set_payload("\"12345678\"");
  }
  return input;
}
inline std::string event(std::uint64_t sequence) {
  return R"({"type":"event","seq":)" + std::to_string(sequence) +
         R"(,"event":"e","data":"12345678"})";
}

inline FrameReceived message(const std::string& id, const std::string& data = "1") {
  return {.payload = R"({"type":"message","id":")" + id + R"(","data":)" + data + "}"};
}
inline FrameReceived ack(std::uint64_t sequence) {
  return {.payload = R"({"type":"ack","seq":)" + std::to_string(sequence) + "}"};
}
inline FrameReceived client_ping() { return {.payload = R"({"type":"ping"})"}; }

inline std::string hello(bool resumed = false, std::uint64_t next_seq = 1) {
  return R"({"type":"hello","key":"anna:s1","session":"s1","generation":77,"resumed":)" +
         std::string(resumed ? "true" : "false") + R"(,"next_seq":)" + std::to_string(next_seq) +
         R"(,"heartbeat_ms":25000})";
}
inline std::string ready(const std::string& state = "PROCESSING_READY",
                         std::uint64_t replayed = 0) {
  return R"({"type":"ready","state":")" + state + R"(","replayed":)" + std::to_string(replayed) +
         "}";
}
inline std::string backend_away(const std::string& id) {
  return R"({"type":"error","id":")" + id +
         R"(","code":"UNAVAILABLE","message":"The backend cannot be reached.","retryable":true})";
}
inline const std::string pong = R"({"type":"pong"})";

// ---- the session ----

class Script {
 public:
  explicit Script(SessionRequest request = request_with_backend(), SessionLimits limits = {})
      : limits_(limits), session_(std::move(request), limits_) {}

  Transcript feed(SessionInput input, double random = 0.5) {
    Transcript lines;
    for (const SessionAction& action : session_.step(std::move(input), random)) {
      lines.push_back(std::visit(Describe{}, action));
    }
    return lines;
  }
  Transcript fire(SessionTimer timer) { return feed(TimerFired{timer}); }

  // ---- the way up, for tests that begin later ----
  Script& claim() {
    feed(Started{});
    return *this;
  }
  Script& grant(v1::Granted granted = new_grant()) {
    claim().feed(answered(std::move(granted)));
    return *this;
  }
  Script& upgrade(v1::Granted granted = new_grant()) {
    grant(std::move(granted)).feed(Upgraded{});
    return *this;
  }
  Script& live(std::uint64_t last_seq = 0) {
    upgrade().feed(BackendOpened{OpenResult::kOk});
    feed(done(v1::PROCESSING_READY, 2, last_seq));
    if (last_seq > 0) feed(delivery(up_to(last_seq)));
    return *this;
  }
  Script& degraded() {
    upgrade().feed(BackendOpened{OpenResult::kUnavailable});
    feed(done(v1::DEGRADED, 1));
    return *this;
  }

  static std::vector<std::uint64_t> up_to(std::uint64_t last) {
    std::vector<std::uint64_t> sequences;
    for (std::uint64_t i = 1; i <= last; ++i) sequences.push_back(i);
    return sequences;
  }

  const Session& session() const { return session_; }

 private:
  const SessionLimits limits_;
  Session session_;
};

}  // namespace interlock
