// A gateway in this process: real sockets, the coordinator and the backend in memory.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "common/identity.h"
#include "gateway/listener.h"
#include "gateway/memory_coordinator_client.h"
#include "tests/gateway/socket_client.h"

namespace interlock {

// Takes everything, and remembers it.
class RecordingBackend final : public BackendClient {
 public:
  void open(v1::OpenRequest request, std::function<void(BackendAnswer)> done,
            std::string traceparent) override {
    BackendAnswer answer;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      opened_.push_back(std::move(request));
      if (!traceparent.empty()) traceparents_.push_back(std::move(traceparent));
      answer = open_answer_;
    }
    done(answer);
  }
  void receive(v1::ReceiveRequest request, std::function<void(BackendAnswer)> accepted,
               std::function<void(v1::Transient)> transient, std::string traceparent) override {
    v1::Transient token;
    token.set_type("token");
    token.set_data(request.data());
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      received_.push_back(std::move(request));
      if (!traceparent.empty()) traceparents_.push_back(std::move(traceparent));
    }
    accepted({BackendResult::kOk, ""});
    transient(std::move(token));
  }
  void closed(v1::ClosedRequest, std::function<void(BackendAnswer)> done) override {
    done({BackendResult::kOk, ""});
  }

  std::vector<v1::ReceiveRequest> received() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return received_;
  }
  // Of all calls that came with one, in order.
  std::vector<std::string> traceparents() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return traceparents_;
  }
  // From now on.
  void answer_open(BackendAnswer answer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_answer_ = std::move(answer);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<v1::OpenRequest> opened_;
  std::vector<v1::ReceiveRequest> received_;
  std::vector<std::string> traceparents_;
  BackendAnswer open_answer_;
};

class GatewayWorld {
 public:
  explicit GatewayWorld(ListenerOptions options = {}, const AttachmentLimits& limits = {})
      : gateway_id_(make_identity()) {
    AttachmentSettings settings;
    settings.gateway_id = gateway_id_;
    settings.limits = limits;
    settings.report_load = [this](v1::GatewayLoad& load) { gateway_metrics_.add_to(load); };
    client_ = std::make_unique<MemoryCoordinatorClient>(settings, coordinator);
    options.listen = {"127.0.0.1", 0};
    options.policy.has_backend = true;
    auto listener =
        Listener::start(loops_, std::move(options), *client_, &backend, gateway_metrics_);
    if (!listener.ok()) {
      ADD_FAILURE() << listener.status();
      return;
    }
    listener_ = std::move(*listener);
    loops_.start();
  }

  int port() const { return listener_->port(); }
  Listener& listener() { return *listener_; }
  const std::string& gateway_id() const { return gateway_id_; }  // the first one
  const AttachCounters& counters() const { return client_->counters(); }
  std::string metrics() const { return metrics_.render(); }

  MemoryCoordinator::Record record(const std::string& key) {
    MemoryCoordinator::Record found;
    coordinator.run([&](MemoryCoordinator& c) {
      if (const auto* record = c.find(key)) found = *record;
    });
    return found;
  }

  MemoryCoordinatorServer coordinator;
  RecordingBackend backend;

 private:
  std::string gateway_id_;
  Metrics metrics_;
  GatewayMetrics gateway_metrics_{metrics_};
  EventLoops loops_{2};
  std::unique_ptr<MemoryCoordinatorClient> client_;
  std::unique_ptr<Listener> listener_;
};

inline ListenerOptions with(const std::function<void(ListenerLimits&)>& change) {
  ListenerOptions options;
  change(options.limits);
  return options;
}

// Through hello and ready.
inline void be_ready(SocketClient& client, std::string_view target) {
  ASSERT_EQ(client.upgrade(target), 101) << client.head;
  ASSERT_THAT(client.read_text(), ::testing::StartsWith(R"({"type":"hello")"));
  ASSERT_THAT(client.read_text(), ::testing::StartsWith(R"({"type":"ready")"));
}

// Waits for what another thread brings about.
template <typename Condition>
bool soon(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + SocketClient::patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    SocketClient::wait(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace interlock
