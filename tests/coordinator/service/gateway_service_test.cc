#include <chrono>

#include "coordinator/store/memory_store.h"
#include "coordinator/store/thread_scheduler.h"
#include "tests/coordinator/service/served_coordinator.h"

namespace interlock {
namespace {

v1::OperateRequest operate(const std::string& key, const std::string& gateway_id,
                           std::uint64_t generation, std::uint64_t op) {
  v1::OperateRequest request;
  request.set_key(key);
  request.set_gateway_id(gateway_id);
  request.set_generation(generation);
  request.add_operations()->set_op(op);
  return request;
}

TEST(GatewayService, AClaimGoesThroughTheStepsThatItAsksFor) {
  ServedCoordinator coordinator;
  const v1::Granted granted = coordinator.claim("alice:s");
  EXPECT_EQ(granted.state(), v1::PROCESSING_READY);
  EXPECT_THAT((std::vector<int>(granted.steps().begin(), granted.steps().end())),
              testing::ElementsAre(v1::CONNECTING, v1::ACCEPTED, v1::AUTHENTICATED,
                                   v1::SERVICES_READY, v1::PROCESSING_READY));
  EXPECT_EQ(granted.next_seq(), 1u);
  EXPECT_FALSE(granted.resumed());
}

TEST(GatewayService, ASecondClaimFencesTheFirstAndItsLateDetachChangesNothing) {
  ServedCoordinator coordinator;
  const v1::Granted first = coordinator.claim("alice:s", kGatewayA);
  const v1::Granted second = coordinator.claim("alice:s", kGatewayB);
  EXPECT_GT(second.generation(), first.generation());

  v1::OperateRequest late = operate("alice:s", kGatewayA, first.generation(), 1);
  late.mutable_operations(0)->mutable_detach()->set_reason(v1::SOCKET_LOST);
  v1::Done done;
  const grpc::Status status = coordinator.gateway->Operate(ServedCoordinator::context().get(),
                                                           late, &done);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(refusal_of(status).stale_generation().current_generation(), second.generation());

  v1::GetRequest get;
  get.set_key("alice:s");
  get.set_consistency(v1::LATEST);
  v1::Connection connection;
  ASSERT_TRUE(coordinator.admin->Get(ServedCoordinator::context().get(), get, &connection).ok());
  EXPECT_EQ(connection.owner(), kGatewayB);
  EXPECT_EQ(connection.generation(), second.generation());
}

TEST(GatewayService, AnIllegalStepIsRefusedByNameWithWhatIsAllowed) {
  ServedCoordinator coordinator;
  const v1::Granted granted = coordinator.claim("alice:s", kGatewayA, v1::CONNECTING);
  v1::OperateRequest request = operate("alice:s", kGatewayA, granted.generation(), 1);
  request.mutable_operations(0)->set_advance(v1::SERVICES_READY);
  v1::Done done;
  ASSERT_TRUE(
      coordinator.gateway->Operate(ServedCoordinator::context().get(), request, &done).ok());
  ASSERT_EQ(done.refused_size(), 1);
  const auto& illegal = done.refused(0).refusal().illegal_transition();
  EXPECT_EQ(illegal.current(), v1::CONNECTING);
  EXPECT_EQ(illegal.requested(), v1::SERVICES_READY);
  EXPECT_THAT((std::vector<int>(illegal.allowed().begin(), illegal.allowed().end())),
              testing::ElementsAre(v1::ACCEPTED, v1::CLOSED, v1::FAILED));
  EXPECT_EQ(done.last_op(), 1u) << "a refused operation takes its number all the same";
}

TEST(GatewayService, AnUnknownKeyIsNotFoundWhoeverAsks) {
  ServedCoordinator coordinator;
  const std::string key = "alice:nowhere";
  std::vector<std::pair<std::string, grpc::Status>> answers;
  const auto ask = [&](std::string what, grpc::Status status) {
    answers.emplace_back(std::move(what), std::move(status));
  };
  v1::OperateRequest request = operate(key, kGatewayA, 7, 1);
  request.mutable_operations(0)->set_advance(v1::ACCEPTED);
  v1::Done done;
  ask("Operate", coordinator.gateway->Operate(coordinator.context().get(), request, &done));
  v1::AbandonRequest abandon;
  abandon.set_key(key);
  abandon.set_gateway_id(kGatewayA);
  abandon.set_claim_id("c");
  v1::AbandonResponse abandoned;
  ask("Abandon", coordinator.gateway->Abandon(coordinator.context().get(), abandon, &abandoned));
  v1::PublishRequest publish;
  publish.set_key(key);
  publish.set_type("t");
  publish.set_payload("1");
  publish.set_idempotency_key("k");
  v1::Receipt receipt;
  ask("Publish", coordinator.events->Publish(coordinator.context().get(), publish, &receipt));
  for (v1::Consistency consistency : {v1::OBSERVED, v1::LATEST}) {
    v1::GetRequest get;
    get.set_key(key);
    get.set_consistency(consistency);
    v1::Connection connection;
    ask("Get", coordinator.admin->Get(coordinator.context().get(), get, &connection));
  }
  v1::HistoryRequest history;
  history.set_key(key);
  v1::HistoryResponse entries;
  ask("History", coordinator.admin->History(coordinator.context().get(), history, &entries));
  for (const auto& [what, status] : answers) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND) << what;
    EXPECT_TRUE(refusal_of(status).has_not_found()) << what;
  }
  EXPECT_EQ(answers.size(), 6u);
}

TEST(GatewayService, NonsenseIsRefusedWithTheFieldThatIsWrong) {
  ServedCoordinator coordinator;
  const auto field = [&](const v1::ClaimRequest& request) {
    v1::Granted granted;
    const grpc::Status status =
        coordinator.gateway->Claim(coordinator.context().get(), request, &granted);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return refusal_of(status).invalid_argument().field();
  };
  const v1::ClaimRequest good = ServedCoordinator::claim_request("alice:s", kGatewayA);
  v1::ClaimRequest bad = good;
  bad.set_key("no session");
  EXPECT_EQ(field(bad), "key");
  bad = good;
  bad.set_gateway_id("short");
  EXPECT_EQ(field(bad), "gateway_id");
  bad = good;
  bad.clear_claim_id();
  EXPECT_EQ(field(bad), "claim_id");
  bad = good;
  bad.clear_subject();
  EXPECT_EQ(field(bad), "subject");
  bad = good;
  bad.set_through(v1::CLOSED);
  EXPECT_EQ(field(bad), "through");
}

// What a deadline leaves is unknown, not failed: the same claim again finds its grant.
TEST(GatewayService, ACallEndsAtItsDeadlineAndIsSafelyRepeated) {
  ThreadScheduler scheduler;
  auto made = std::make_unique<MemoryStore>(
      std::make_shared<MemoryWorld>(), [&scheduler](std::uint64_t delay_ms, auto work) {
        scheduler.run_later(delay_ms, std::move(work));
      });
  MemoryStore& store = *made;
  ServedCoordinator coordinator(Authorizer::open(), std::move(made));
  const v1::ClaimRequest claim = ServedCoordinator::claim_request("alice:s", kGatewayA);

  store.hold();
  grpc::ClientContext hurried;
  const auto began = std::chrono::system_clock::now();
  hurried.set_deadline(began + std::chrono::milliseconds(200));
  v1::Granted granted;
  EXPECT_EQ(coordinator.gateway->Claim(&hurried, claim, &granted).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_LT(std::chrono::system_clock::now() - began, std::chrono::seconds(5));
  store.release();

  const grpc::Status repeated =
      coordinator.gateway->Claim(ServedCoordinator::context().get(), claim, &granted);
  ASSERT_TRUE(repeated.ok()) << repeated.error_message();
  v1::HistoryRequest asked;
  asked.set_key("alice:s");
  v1::HistoryResponse history;
  ASSERT_TRUE(
      coordinator.admin->History(ServedCoordinator::context().get(), asked, &history).ok());
  EXPECT_EQ(history.entries_size(), granted.steps_size()) << "it was granted once";
}

}  // namespace
}  // namespace interlock
