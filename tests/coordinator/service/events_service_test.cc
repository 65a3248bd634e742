#include "tests/coordinator/service/served_coordinator.h"

namespace interlock {
namespace {

class Publishing : public testing::Test {
 protected:
  Publishing() { coordinator_.claim("alice:s"); }

  grpc::Status publish(const std::string& run, std::uint64_t number, const std::string& type,
                       const std::string& payload = "{}") {
    v1::PublishRequest request;
    request.set_key("alice:s");
    request.set_type(type);
    request.set_payload(payload);
    request.set_run(run);
    request.set_number(number);
    receipt_.Clear();
    return coordinator_.events->Publish(ServedCoordinator::context().get(), request, &receipt_);
  }

  ServedCoordinator coordinator_;
  v1::Receipt receipt_;
};

TEST_F(Publishing, ARunMovesTheStateAndItsRepetitionIsTheSameReceipt) {
  ASSERT_TRUE(publish("r", 1, "agent_started").ok());
  EXPECT_EQ(receipt_.sequence(), 1u);
  EXPECT_EQ(receipt_.state(), v1::PROCESSING);
  ASSERT_TRUE(publish("r", 1, "agent_started").ok());
  EXPECT_EQ(receipt_.sequence(), 1u);
  EXPECT_TRUE(receipt_.repeated());
  ASSERT_TRUE(publish("r", 2, "agent_completed").ok());
  EXPECT_EQ(receipt_.sequence(), 2u);
  EXPECT_EQ(receipt_.state(), v1::PROCESSING_READY);
}

TEST_F(Publishing, NumbersThatSkipGoBackOrBelongToNobodyAreNamed) {
  grpc::Status status = publish("r", 2, "agent_thinking");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(refusal_of(status).has_unknown_run());
  ASSERT_TRUE(publish("r", 1, "agent_started").ok());
  ASSERT_TRUE(publish("r", 2, "agent_thinking").ok());
  status = publish("r", 4, "tool_executing");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(refusal_of(status).out_of_order().last_number(), 2u);
  status = publish("r", 1, "agent_started");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(refusal_of(status).already_accepted().last_number(), 2u);
}

TEST_F(Publishing, APayloadIsOneJsonValueOfAtMost64KiB) {
  EXPECT_EQ(publish("r", 1, "agent_started", "{not json").error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(publish("r", 1, "agent_started", "\"\xff\xfe\"").error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  const std::string big = '"' + std::string(65'536, 'x') + '"';
  EXPECT_EQ(publish("r", 1, "agent_started", big).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(publish("r", 1, "no spaces in a type").error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(publish("r", 1, "agent_started", '"' + std::string(65'534, 'x') + '"').ok());
}

TEST_F(Publishing, AClosedConnectionAnswersGone) {
  v1::OperateRequest close;
  close.set_key("alice:s");
  close.set_gateway_id(kGatewayA);
  v1::GetRequest get;
  get.set_key("alice:s");
  v1::Connection connection;
  ASSERT_TRUE(coordinator_.admin->Get(coordinator_.context().get(), get, &connection).ok());
  close.set_generation(connection.generation());
  v1::Operation* operation = close.add_operations();
  operation->set_op(1);
  operation->mutable_close()->set_reason(v1::CLIENT_DONE);
  v1::Done done;
  ASSERT_TRUE(coordinator_.gateway->Operate(coordinator_.context().get(), close, &done).ok());
  EXPECT_EQ(done.state(), v1::CLOSED);
  const grpc::Status status = publish("r", 1, "agent_started");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(refusal_of(status).has_gone());
}

}  // namespace
}  // namespace interlock
