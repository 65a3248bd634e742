// An attachment whose messages can get lost or late, with what must always hold checked as it goes.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/gateway/attachment_world.h"

namespace interlock {

inline constexpr std::uint64_t refused_for_good = ~0ULL;

// What a session asked for, and what it heard.
struct Asked {
  std::string key;
  std::string claim_id;
  std::uint64_t generation = 0;
  std::vector<v1::Operation> operations;
  bool gave_up = false;  // abandoned, or forgotten
  bool forgotten = false;
  bool lost = false;  // told that it is somebody else's
  bool ended = false;  // asked for a Detach or a Close
};

// A world whose messages can get lost or late, and which checks what must always hold.
class FaultyWorld : public AttachmentWorld {
 public:
  explicit FaultyWorld(const AttachmentLimits& limits = {}) : AttachmentWorld(limits) {}

  std::uint64_t claim(const std::string& key) {
    const std::uint64_t connection = sessions.size() + 1;
    Asked& asked = sessions[connection];
    asked.key = key;
    asked.claim_id = "claim of " + std::to_string(connection);
    attachment.claim(connection, make_claim(key, asked.claim_id));
    gather();
    return connection;
  }
  void operate(std::uint64_t connection, const v1::Operation& operation) {
    Asked& asked = sessions[connection];
    if (asked.generation == 0 || asked.gave_up) return;
    asked.operations.push_back(operation);
    asked.ended = asked.ended || !operation.has_advance();
    issued[{asked.key, asked.generation}].push_back(operation);
    attachment.operate(connection, asked.generation, operation);
  }
  void abandon(std::uint64_t connection) {
    sessions[connection].gave_up = true;
    attachment.abandon(connection);
  }
  void forget(std::uint64_t connection) {
    sessions[connection].gave_up = true;
    sessions[connection].forgotten = true;
    attachment.forget(connection);
    gather();
  }

  // What is written goes on its way; `wire` is in order, per stream.
  bool send() {
    auto message = attachment.next_message(now_ms);
    if (!message) return false;
    check_message(*message);
    wire.emplace_back(stream, std::move(*message));
    return true;
  }
  void arrive() {
    const auto [number, message] = wire.front();
    wire.pop_front();
    coordinator.receive(number, message);
    check_records();
  }
  bool hear_some() {
    bool any = false;
    for (const v1::AttachResponse& message : coordinator.take(stream)) {
      any = true;
      attachment.received(stream, message, now_ms);
    }
    gather();
    return any;
  }
  void reopen() {
    listed_ = false;
    open_silently();
  }
  void quiet() {
    bool any = true;
    while (any) {
      any = hear_some();
      any = send() || any;
      while (!wire.empty()) arrive();
    }
  }
  // After this nothing may be left over: all messages arrive, and the list is exchanged once more.
  void recover() {
    if (!attachment.open_at_ms()) cut();
    for (int round = 0; round < 3; ++round) {
      reopen();
      quiet();
      pass(5'000);  // a heartbeat shows that the abandonings were read
      quiet();
      cut();
    }
    reopen();
    quiet();
  }

  std::map<std::uint64_t, Asked> sessions;
  std::map<GenerationId, std::vector<v1::Operation>> issued;  // by whoever; what else is taken is a
                                                              // Detach that nobody asked for
  std::deque<std::pair<std::uint64_t, v1::AttachRequest>> wire;

 private:
  void check_message(const v1::AttachRequest& message) {
    for (const v1::ClaimRequest& claim : message.claims()) {
      for (const auto& [connection, asked] : sessions) {
        EXPECT_FALSE(asked.gave_up && asked.claim_id == claim.claim_id()) << "repeated after it";
      }
    }
    for (const v1::OperateRequest& request : message.operations()) {
      EXPECT_LE(request.operations_size(), 16);
      for (int at = 1; at < request.operations_size(); ++at) {
        EXPECT_EQ(request.operations(at).op(), request.operations(at - 1).op() + 1);
      }
    }
    if (!listed_ && !message.held_end()) {
      EXPECT_EQ(message.claims_size() + message.operations_size() + message.abandons_size() +
                    message.acknowledgements_size() + (message.has_heartbeat() ? 1 : 0),
                0);
    }
    listed_ = listed_ || message.held_end();
  }

  // Every operation is taken once and in order; nothing is taken that was not asked for, except
  // that what nobody waits for any more is detached.
  void check_records() {
    for (const auto& [key, record] : known()) {
      if (record->owner != test_gateway_id && record->taken.empty()) continue;
      const auto& asked = issued[{key, record->generation}];
      for (std::size_t at = 0; at < record->taken.size(); ++at) {
        const v1::Operation& taken = record->taken[at];
        EXPECT_EQ(taken.op(), at + 1);
        if (at < asked.size()) {
          EXPECT_EQ(taken.what_case(), asked[at].what_case());
          EXPECT_EQ(taken.advance(), asked[at].advance());
        } else {
          EXPECT_EQ(taken.detach().reason(), v1::ABANDONED);
        }
      }
    }
  }
  std::map<std::string, const MemoryCoordinator::Record*> known() {
    std::map<std::string, const MemoryCoordinator::Record*> found;
    for (const auto& [connection, asked] : sessions) {
      if (const auto* record = coordinator.find(asked.key)) found[asked.key] = record;
    }
    return found;
  }

  void gather() {
    for (ConnectionNotice& notice : attachment.take_notices()) {
      Asked& asked = sessions[notice.connection];
      EXPECT_FALSE(asked.forgotten) << "told after it was forgotten";
      if (const auto* claimed = std::get_if<v1::ClaimAnswer>(&notice.what)) {
        EXPECT_FALSE(asked.gave_up);
        EXPECT_EQ(asked.generation, 0u) << "two grants";
        EXPECT_EQ(claimed->claim_id(), asked.claim_id);
        asked.generation = claimed->granted().generation();
      } else if (const auto* operated = std::get_if<v1::OperateAnswer>(&notice.what)) {
        EXPECT_EQ(operated->generation(), asked.generation);
        answered_[notice.connection].push_back(operated->has_done() ? operated->done().last_op()
                                                                    : refused_for_good);
        asked.lost = asked.lost || operated->has_refusal();
      } else if (const auto* superseded = std::get_if<v1::Superseded>(&notice.what)) {
        EXPECT_EQ(superseded->generation(), asked.generation);
        EXPECT_GT(superseded->by_generation(), asked.generation);
        asked.lost = true;
      } else if (std::holds_alternative<v1::Released>(notice.what)) {
        asked.lost = true;
      } else if (const auto* delivery = std::get_if<v1::Delivery>(&notice.what)) {
        attachment.return_credit(delivery->payload_bytes());
      }
    }
  }

 public:
  // What each session heard: rising numbers, up to the last that it asked for, unless it lost its
  // connection or has gone.
  void check_answers() {
    for (const auto& [connection, asked] : sessions) {
      const auto& heard = answered_[connection];
      for (std::size_t at = 1; at < heard.size(); ++at) {
        EXPECT_TRUE(heard[at] > heard[at - 1] || heard[at] == refused_for_good);
      }
      if (asked.forgotten || asked.lost || asked.operations.empty()) continue;
      EXPECT_TRUE(!heard.empty() && heard.back() >= asked.operations.size()) << connection;
    }
  }
  // The coordinator and the sessions agree on who holds what.
  void check_ownership() {
    for (const auto& [connection, asked] : sessions) {
      if (asked.generation == 0 || asked.gave_up || asked.lost || asked.ended) continue;
      EXPECT_EQ(coordinator.find(asked.key)->generation, asked.generation);
      EXPECT_EQ(coordinator.find(asked.key)->owner, test_gateway_id) << "taken away unasked";
    }
    for (const auto& [key, record] : known()) {
      bool held = false;
      for (const auto& [connection, asked] : sessions) {
        held = held || (asked.key == key && asked.generation == record->generation &&
                        !asked.gave_up && !asked.lost);
      }
      if (record->owner == test_gateway_id) {
        EXPECT_TRUE(held) << key << " has an owner but no session";
      }
    }
  }

 private:
  bool listed_ = false;
  std::map<std::uint64_t, std::vector<std::uint64_t>> answered_;
};

}  // namespace interlock
