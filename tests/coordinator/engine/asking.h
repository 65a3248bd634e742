// What gateways and publishers ask, in as few words as a story needs.
#pragma once

#include <string>

#include "coordinator/engine/engine_types.h"

namespace interlock {

inline Claim claim_by(std::string gateway, std::string claim_id,
                      State through = State::kConnecting) {
  return {.subject = "alice",
          .gateway_id = std::move(gateway),
          .claim_id = std::move(claim_id),
          .through = through};
}

inline Operate operate(std::string gateway, Generation generation, Operation operation) {
  return {.gateway_id = std::move(gateway), .generation = generation, .operations = {operation}};
}
inline Operate advance(std::string gateway, Generation generation, std::uint64_t op, State to) {
  return operate(std::move(gateway), generation, {.op = op, .to = to});
}
inline Operate detach(std::string gateway, Generation generation, std::uint64_t op) {
  return operate(
      std::move(gateway), generation,
      {.op = op, .kind = Operation::Kind::kDetach, .reason = Reason::kSocketLost});
}
inline Operate close(std::string gateway, Generation generation, std::uint64_t op) {
  return operate(std::move(gateway), generation,
                 {.op = op, .kind = Operation::Kind::kClose, .reason = Reason::kClientDone});
}
inline Operate fail(std::string gateway, Generation generation, std::uint64_t op) {
  return operate(std::move(gateway), generation,
                 {.op = op, .kind = Operation::Kind::kFail, .reason = Reason::kSetupFailed});
}

inline Publish publish(std::string id, std::string payload = "{}") {
  return {.type = "note", .payload = std::move(payload), .idempotency_key = std::move(id)};
}
inline Publish run_event(std::string run, std::uint64_t number, std::string type) {
  return {.type = std::move(type), .payload = "{}", .run = std::move(run), .number = number};
}

inline Acknowledge acknowledge(std::string gateway, Generation generation, Sequence sequence) {
  return {std::move(gateway), generation, sequence};
}

}  // namespace interlock
