// An attachment and a coordinator, with nothing between them but the test's hands.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gateway/attachment.h"
#include "gateway/memory_coordinator.h"

namespace interlock {

inline const std::string test_gateway_id(32, 'a');

inline v1::ClaimRequest make_claim(const std::string& key, const std::string& claim_id) {
  v1::ClaimRequest request;
  request.set_key(key);
  request.set_subject("alice");
  request.set_claim_id(claim_id);
  return request;
}

inline v1::Operation advance_to(v1::State state) {
  v1::Operation operation;
  operation.set_advance(state);
  return operation;
}

inline v1::Operation detach_for(v1::Reason reason) {
  v1::Operation operation;
  operation.mutable_detach()->set_reason(reason);
  return operation;
}

inline v1::Operation close_for(v1::Reason reason) {
  v1::Operation operation;
  operation.mutable_close()->set_reason(reason);
  return operation;
}

struct AttachmentWorld {
  explicit AttachmentWorld(const AttachmentLimits& limits = {})
      : attachment(test_gateway_id, "test", limits) {}

  // A stream on which nothing has been said yet.
  void open_silently() {
    attachment.advance_time(now_ms);
    coordinator.stream_opened(++stream);
    attachment.stream_opened(stream, now_ms);
  }
  // A stream on which both have greeted; what is written next is the list.
  void open() {
    open_silently();
    coordinator.receive(stream, *write());
    hear_all();
  }
  // The stream breaks; whatever is said on it later is lost.
  void cut(double random = 0) {
    coordinator.stream_closed(stream);
    attachment.stream_closed(stream, now_ms, random);
  }
  void pass(std::uint64_t ms) {
    now_ms += ms;
    attachment.advance_time(now_ms);
  }

  // One message up, if there is one.
  std::optional<v1::AttachRequest> write() {
    auto message = attachment.next_message(now_ms);
    if (message) requests.push_back(*message);
    return message;
  }
  void hear(const v1::AttachResponse& message) { attachment.received(stream, message, now_ms); }
  // All that the coordinator has to say.
  void hear_all() {
    for (const v1::AttachResponse& message : coordinator.take(stream)) hear(message);
    collect();
  }
  // Messages go up and down until neither side has anything to say.
  void settle() {
    hear_all();
    while (const auto message = write()) {
      coordinator.receive(stream, *message);
      hear_all();
    }
    collect();
  }
  void collect() {
    for (ConnectionNotice& notice : attachment.take_notices()) {
      notices[notice.connection].push_back(notice);
    }
  }

  // The notices of one kind that the connection has got so far.
  template <typename Kind>
  std::vector<Kind> told(std::uint64_t connection) {
    collect();
    std::vector<Kind> found;
    for (const ConnectionNotice& notice : notices[connection]) {
      if (const Kind* kind = std::get_if<Kind>(&notice.what)) found.push_back(*kind);
    }
    return found;
  }
  // The generation granted to it; 0: none so far.
  std::uint64_t generation(std::uint64_t connection) {
    const auto answers = told<v1::ClaimAnswer>(connection);
    return answers.empty() ? 0 : answers.back().granted().generation();
  }
  // Attached, with the key held by the connection.
  std::uint64_t hold(std::uint64_t connection, const std::string& key) {
    if (!attachment.attached()) open();
    attachment.claim(connection, make_claim(key, "claim of " + std::to_string(connection)));
    settle();
    return generation(connection);
  }

  Attachment attachment;
  MemoryCoordinator coordinator;
  std::uint64_t now_ms = 1'000'000;
  std::uint64_t stream = 0;
  std::vector<v1::AttachRequest> requests;  // everything written, on any stream
  std::map<std::uint64_t, std::vector<ConnectionNotice>> notices;
};

}  // namespace interlock
