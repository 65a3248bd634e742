// What every CoordinatorClient promises, as tests that each of them runs.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "gateway/memory_coordinator_client.h"
#include "tests/gateway/attachment_world.h"
#include "tests/gateway/notice_box.h"

namespace interlock {

// Makes clients of one MemoryCoordinatorServer, by whatever way they reach it.
struct CoordinatorClientMaker {
  virtual ~CoordinatorClientMaker() = default;
  virtual std::unique_ptr<AttachmentShell> make(const AttachmentSettings& settings) = 0;
  MemoryCoordinatorServer server;
};

// What a connection is told, without the holds: when those come is a matter of speed.
inline CoordinatorClient::Notify all_but_holds(Box<ConnectionNotice>& box) {
  return [&box](ConnectionNotice notice) {
    if (!std::holds_alternative<HoldNotice>(notice.what)) box.put(std::move(notice));
  };
}

class CoordinatorClientContract
    : public testing::TestWithParam<std::function<std::unique_ptr<CoordinatorClientMaker>()>> {
 protected:
  CoordinatorClientContract() : maker_(GetParam()()) { restart({}); }

  void restart(const AttachmentLimits& limits) {
    client_.reset();
    client_ = maker_->make({.gateway_id = test_gateway_id, .address = "test", .limits = limits});
  }
  MemoryCoordinatorServer& server() { return maker_->server; }
  MemoryCoordinator::Record record(const std::string& key) {
    MemoryCoordinator::Record copy;
    server().run([&](MemoryCoordinator& coordinator) {
      if (const auto* found = coordinator.find(key)) copy = *found;
    });
    return copy;
  }
  void claim(std::uint64_t connection, const std::string& key) {
    client_->claim(connection, make_claim(key, "claim of " + std::to_string(connection)),
                   all_but_holds(box_));
  }
  // The generation; 0 when no grant comes.
  std::uint64_t hold(std::uint64_t connection, const std::string& key) {
    const std::size_t before = box_.items().size();
    claim(connection, key);
    if (!box_.wait_for(before + 1)) return 0;
    const ConnectionNotice last = box_.items().back();
    const auto* answer = std::get_if<v1::ClaimAnswer>(&last.what);
    return answer == nullptr ? 0 : answer->granted().generation();
  }
  template <typename Kind>
  std::vector<Kind> told() const {
    std::vector<Kind> found;
    for (const ConnectionNotice& notice : box_.items()) {
      if (const Kind* kind = std::get_if<Kind>(&notice.what)) found.push_back(*kind);
    }
    return found;
  }

  std::unique_ptr<CoordinatorClientMaker> maker_;
  Box<ConnectionNotice> box_;  // outlives the client
  std::unique_ptr<AttachmentShell> client_;
};

}  // namespace interlock
