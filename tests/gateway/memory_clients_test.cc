#include "tests/gateway/backend_client_contract.h"
#include "tests/gateway/coordinator_client_contract.h"

namespace interlock {
namespace {

struct MemoryCoordinatorMaker final : CoordinatorClientMaker {
  std::unique_ptr<AttachmentShell> make(const AttachmentSettings& settings) override {
    return std::make_unique<MemoryCoordinatorClient>(settings, server);
  }
};

INSTANTIATE_TEST_SUITE_P(Memory, CoordinatorClientContract, testing::Values([] {
                           return std::make_unique<MemoryCoordinatorMaker>();
                         }));

struct MemoryBackendMaker final : BackendClientMaker {
  BackendClient& client() override { return *client_; }
  void end() override { client_.reset(); }
  void run(const std::function<void(MemoryBackend&)>& what) override { client_->run(what); }
  std::unique_ptr<MemoryBackendClient> client_ = std::make_unique<MemoryBackendClient>();
};

INSTANTIATE_TEST_SUITE_P(Memory, BackendClientContract,
                         testing::Values([] { return std::make_unique<MemoryBackendMaker>(); }));

TEST(MemoryBackendClient, CallsWaitWhileItHoldsAndAreAnsweredWhenItEnds) {
  Box<BackendAnswer> box;
  auto client = std::make_unique<MemoryBackendClient>();
  client->hold(true);
  client->open(make_open("alice:1", 5), box.putter(), {});
  client->run([](MemoryBackend& backend) { EXPECT_TRUE(backend.opened.empty()); });
  client->hold(false);
  ASSERT_TRUE(box.wait_for(1));
  EXPECT_EQ(box.items()[0].result, BackendResult::kOk);
  client->hold(true);
  client->open(make_open("alice:1", 6), box.putter(), {});
  client.reset();
  ASSERT_EQ(box.items().size(), 2u);
  EXPECT_EQ(box.items()[1].result, BackendResult::kUnavailable);
}

}  // namespace
}  // namespace interlock
