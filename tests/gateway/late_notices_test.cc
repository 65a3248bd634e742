// What the coordinator still says to a session that is over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "gateway/listener.h"
#include "tests/gateway/socket_client.h"

namespace interlock {
namespace {

using ::testing::StartsWith;

// Grants every claim, and keeps each session's callback whatever is forgotten.
class GrantingCoordinator final : public CoordinatorClient {
 public:
  void claim(std::uint64_t connection, v1::ClaimRequest request, Notify notify) override {
    v1::ClaimAnswer answer;
    answer.set_key(request.key());
    answer.set_claim_id(request.claim_id());
    v1::Granted& granted = *answer.mutable_granted();
    granted.set_key(request.key());
    granted.set_claim_id(request.claim_id());
    granted.set_generation(generation);
    granted.set_next_seq(1);
    granted.set_state(v1::PROCESSING_READY);
    notify({connection, answer});
    const std::lock_guard<std::mutex> lock(mutex_);
    notify_ = std::move(notify);
    connection_ = connection;
  }
  void abandon(std::uint64_t) override {}
  void operate(std::uint64_t, std::uint64_t, v1::Operation, std::string) override {}
  void acknowledge(std::uint64_t, std::uint64_t, std::uint64_t) override {}
  void events_sent(std::uint64_t, std::uint64_t, std::uint64_t) override {}
  void return_credit(std::uint64_t bytes) override { credit += bytes; }
  void forget(std::uint64_t) override { forgotten = true; }
  bool reachable() const override { return true; }
  std::uint64_t act_until_ms() const override { return ~std::uint64_t{0}; }
  bool drain(std::uint64_t) override { return true; }

  void deliver(std::uint64_t payload_bytes) {
    v1::Delivery delivery;
    delivery.set_generation(generation);
    delivery.set_payload_bytes(payload_bytes);
    const std::lock_guard<std::mutex> lock(mutex_);
    notify_({connection_, delivery});
  }

  static constexpr std::uint64_t generation = 9;
  std::atomic<std::uint64_t> credit = 0;
  std::atomic<bool> forgotten = false;

 private:
  std::mutex mutex_;
  Notify notify_;
  std::uint64_t connection_ = 0;
};

TEST(LateNotices, ADeliveryForASessionThatIsOverGivesItsCreditBack) {
  GrantingCoordinator coordinator;
  Metrics metrics;
  GatewayMetrics gateway_metrics(metrics);
  EventLoops loops(1);
  ListenerOptions options;
  options.listen = {"127.0.0.1", 0};
  auto listener = Listener::start(loops, std::move(options), coordinator, nullptr, gateway_metrics);
  ASSERT_TRUE(listener.ok()) << listener.status();
  loops.start();

  SocketClient client((*listener)->port());
  ASSERT_EQ(client.upgrade("/ws"), 101);
  ASSERT_THAT(client.read_text(), StartsWith(R"({"type":"hello")"));
  ASSERT_THAT(client.read_text(), StartsWith(R"({"type":"ready")"));
  coordinator.deliver(1);
  client.reset();
  while (!coordinator.forgotten) SocketClient::wait(std::chrono::milliseconds(1));
  coordinator.deliver(20);
  coordinator.deliver(300);
  const auto deadline = std::chrono::steady_clock::now() + SocketClient::patience;
  while (coordinator.credit < 321 && std::chrono::steady_clock::now() < deadline) {
    SocketClient::wait(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(coordinator.credit, 321u);
}

}  // namespace
}  // namespace interlock
