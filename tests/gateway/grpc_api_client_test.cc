// The HTTP API's calls over real gRPC: tokens, refusals, and coordinators that are not there.
#include "gateway/grpc_api_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "interlock/v1/admin.grpc.pb.h"
#include "interlock/v1/events.grpc.pb.h"
#include "tests/gateway/fake_services.h"
#include "tests/gateway/notice_box.h"
#include "tests/support/free_port.h"

namespace interlock {
namespace {

struct FakeEvents final : v1::Events::Service {
  grpc::Status Publish(grpc::ServerContext* context, const v1::PublishRequest* request,
                       v1::Receipt* receipt) override {
    const auto found = context->client_metadata().find("authorization");
    if (found != context->client_metadata().end()) {
      tokens.put({found->second.data(), found->second.size()});
    }
    while (slow && !context->IsCancelled()) eventually([&] { return context->IsCancelled(); });
    if (request->number() == 9) {
      v1::Refusal refusal;
      refusal.mutable_out_of_order()->set_last_number(3);
      v1::ErrorStatus details;
      details.add_details()->PackFrom(refusal);
      return {grpc::StatusCode::OUT_OF_RANGE, "the number skips", details.SerializeAsString()};
    }
    receipt->set_sequence(1);
    return grpc::Status::OK;
  }
  Box<std::string> tokens;
  std::atomic<bool> slow = false;
};

struct FakeAdmin final : v1::Admin::Service {
  grpc::Status Get(grpc::ServerContext*, const v1::GetRequest* request,
                   v1::Connection* connection) override {
    connection->set_key(request->key());
    connection->set_consistency(request->consistency());
    return grpc::Status::OK;
  }
};

class GrpcApi : public testing::Test {
 protected:
  ApiResult<v1::Receipt> publish(ApiClient& client, std::uint64_t number = 1) {
    v1::PublishRequest request;
    request.set_number(number);
    const std::size_t before = receipts_.items().size();
    client.publish(request, "secret", receipts_.putter());
    EXPECT_TRUE(receipts_.wait_for(before + 1));
    return receipts_.items().back();
  }
  int port_ = free_port();
  FakeEvents events_;
  FakeAdmin admin_;
  std::unique_ptr<TestServer> server_ =
      std::make_unique<TestServer>(port_, std::vector<grpc::Service*>{&events_, &admin_});
  Box<ApiResult<v1::Receipt>> receipts_;
  Box<ApiResult<v1::Connection>> connections_;
};

TEST_F(GrpcApi, CarriesTheTokenThereAndTheAnswerBack) {
  GrpcApiClient client({.targets = {target_of(port_)}});
  const auto result = publish(client);
  ASSERT_TRUE(std::holds_alternative<v1::Receipt>(result));
  EXPECT_EQ(std::get<v1::Receipt>(result).sequence(), 1u);
  EXPECT_EQ(events_.tokens.items().at(0), "Bearer secret");
  v1::GetRequest request;
  request.set_key("alice:s");
  request.set_consistency(v1::LATEST);
  client.look(request, "", connections_.putter());
  ASSERT_TRUE(connections_.wait_for(1));
  EXPECT_EQ(std::get<v1::Connection>(connections_.items()[0]).key(), "alice:s");
  EXPECT_EQ(std::get<v1::Connection>(connections_.items()[0]).consistency(), v1::LATEST);
}

TEST_F(GrpcApi, ARefusalKeepsItsReason) {
  GrpcApiClient client({.targets = {target_of(port_)}});
  const auto result = publish(client, 9);
  const auto& failure = std::get<ApiFailure>(result);
  EXPECT_EQ(failure.status.code(), absl::StatusCode::kOutOfRange);
  ASSERT_TRUE(failure.refusal);
  EXPECT_EQ(failure.refusal->out_of_order().last_number(), 3u);
}

TEST_F(GrpcApi, ACoordinatorThatIsNotThereIsLeftForTheNextAndComesLastFromThenOn) {
  GrpcApiClient client({.targets = {target_of(free_port()), target_of(port_)}});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(std::holds_alternative<v1::Receipt>(publish(client)));
  }
  server_.reset();
  const auto result = publish(client);
  EXPECT_EQ(std::get<ApiFailure>(result).status.code(), absl::StatusCode::kUnavailable);
}

TEST_F(GrpcApi, ASilentCoordinatorCostsItsShareOfTheTimeAndNotMore) {
  events_.slow = true;
  GrpcApiClient client({.targets = {target_of(port_)}, .timeout_ms = 200});
  const auto before = std::chrono::steady_clock::now();
  const auto result = publish(client);
  EXPECT_EQ(std::get<ApiFailure>(result).status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(3));
}

TEST_F(GrpcApi, EveryCallIsAnsweredWhenTheClientEnds) {
  events_.slow = true;
  auto client = std::make_unique<GrpcApiClient>(GrpcApiSettings{.targets = {target_of(port_)}});
  for (int i = 0; i < 50; ++i) client->publish({}, "", receipts_.putter());
  client.reset();
  EXPECT_EQ(receipts_.items().size(), 50u);
}

}  // namespace
}  // namespace interlock
