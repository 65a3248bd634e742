// Rights that end while a call goes on: tokens that are over, and files that name somebody no more.
#include <atomic>
#include <fstream>

#include "tests/coordinator/service/served_coordinator.h"
#include "tests/support/issuer.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const std::string kIssuer = "https://issuer.test";
const std::string kAudience = "https://coordinator.test";
const std::string kStays = "token-of-one-who-stays";
const std::string kGoes = "token-of-one-who-goes";

class LostRights : public testing::Test {
 protected:
  LostRights() : coordinator_(authorizer(), *open_store("memory:"), nullptr, 10ms) {
    coordinator_.gateway->Claim(ServedCoordinator::context(kStays).get(),
                                ServedCoordinator::claim_request("alice:s", kGatewayA), &granted_);
    EXPECT_NE(granted_.generation(), 0u);
  }

  static std::string entry(const std::string& token) {
    return R"({"token":")" + token + R"(","subject":"s","role":["gateway","publisher","reader"]})";
  }
  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  void write_both() const { write(tokens_, "[" + entry(kStays) + "," + entry(kGoes) + "]"); }
  void take_out() {
    write(tokens_, "[" + entry(kStays) + "]");
    ASSERT_TRUE(coordinator_.authorizer().reread_tokens().ok());
  }

  Authorizer authorizer() const {
    write_both();
    write(roles_, R"([{"subject":"reader","role":"reader"}])");
    AuthorizerSettings settings;
    settings.token_file = tokens_;
    settings.roles_file = roles_;
    settings.jwt.emplace(*KeySet::from_jwks(Issuer::key_set({issuer_.public_key()})),
                         TokenExpectations{kIssuer, {kAudience}, true});
    auto made = Authorizer::make(std::move(settings));
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }
  std::string reader(std::int64_t expires_in_s) const {
    return issuer_.sign(R"({"sub":"reader","iss":")" + kIssuer + R"(","aud":")" + kAudience +
                        R"(","exp":)" + std::to_string(time(nullptr) + expires_in_s) + "}");
  }
  grpc::StatusCode stats(const std::string& token) {
    v1::StatsResponse response;
    return coordinator_.admin->Stats(ServedCoordinator::context(token).get(), {}, &response)
        .error_code();
  }
  v1::PublishRequest event(std::uint64_t number) const {
    v1::PublishRequest request;
    request.set_key("alice:s");
    request.set_type("note");
    request.set_payload("{}");
    request.set_idempotency_key(std::to_string(number));
    return request;
  }
  // Until it ends, which it must by itself.
  template <class Stream, class Response>
  static void expect_lost(Stream& stream, Response& response, const char* why) {
    while (stream.Read(&response)) {
    }
    const grpc::Status status = stream.Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr(why));
  }

  const ScratchDirectory scratch_;
  const std::string tokens_ = scratch_.path() + "/tokens";
  const std::string roles_ = scratch_.path() + "/roles";
  const Issuer issuer_{"now", "ES256"};
  ServedCoordinator coordinator_;
  v1::Granted granted_;
};

TEST_F(LostRights, AFileThatIsReadAgainCountsAtOnceAndABadOneChangesNothing) {
  write(tokens_, "[]");
  EXPECT_FALSE(coordinator_.authorizer().reread_tokens().ok());
  EXPECT_EQ(stats(kGoes), grpc::StatusCode::OK);
  take_out();
  EXPECT_EQ(stats(kGoes), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(stats(kStays), grpc::StatusCode::OK);
  write_both();
  ASSERT_TRUE(coordinator_.authorizer().reread_tokens().ok());
  EXPECT_EQ(stats(kGoes), grpc::StatusCode::OK);

  const std::string token = reader(3600);
  EXPECT_EQ(stats(token), grpc::StatusCode::OK);  // from here on its roles are kept
  write(roles_, "nonsense");
  EXPECT_FALSE(coordinator_.authorizer().reread_roles().ok());
  EXPECT_EQ(stats(token), grpc::StatusCode::OK);
  write(roles_, R"([{"subject":"somebody else","role":"reader"}])");
  ASSERT_TRUE(coordinator_.authorizer().reread_roles().ok());
  EXPECT_EQ(stats(token), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(stats(kStays), grpc::StatusCode::OK);
}

TEST_F(LostRights, AWatchEndsWithThemAndNobodyElses) {
  const auto going = ServedCoordinator::context(kGoes);
  const auto staying = ServedCoordinator::context(kStays);
  const auto over = coordinator_.admin->Watch(going.get(), {});
  const auto stands = coordinator_.admin->Watch(staying.get(), {});
  over->WaitForInitialMetadata();
  stands->WaitForInitialMetadata();
  take_out();
  v1::WatchResponse response;
  expect_lost(*over, response, "not one that the coordinator knows");
  v1::Granted again;
  coordinator_.gateway->Claim(ServedCoordinator::context(kStays).get(),
                              ServedCoordinator::claim_request("bob:s", kGatewayA), &again);
  while (stands->Read(&response) && response.changed().key() != "bob:s") {
  }
  EXPECT_EQ(response.changed().key(), "bob:s");
  staying->TryCancel();
  stands->Finish();
}

// Half a minute for clocks that differ: this one has two seconds left of it.
TEST_F(LostRights, AWatchEndsWithItsToken) {
  const auto context = ServedCoordinator::context(reader(2 - 30));
  const auto watch = coordinator_.admin->Watch(context.get(), {});
  watch->WaitForInitialMetadata();
  v1::WatchResponse response;
  expect_lost(*watch, response, "has expired");
}

TEST_F(LostRights, AWatchOfADeliveryEndsWithThem) {
  v1::Receipt receipt;
  ASSERT_TRUE(coordinator_.events
                  ->Publish(ServedCoordinator::context(kGoes).get(), event(1), &receipt)
                  .ok());
  v1::WatchDeliveryRequest request;
  request.set_key("alice:s");
  request.set_sequence(receipt.sequence());
  request.set_sequence_since(receipt.sequence_since());
  const auto context = ServedCoordinator::context(kGoes);
  const auto watch = coordinator_.events->WatchDelivery(context.get(), request);
  v1::DeliveryStatus status;
  ASSERT_TRUE(watch->Read(&status));
  take_out();
  expect_lost(*watch, status, "not one that the coordinator knows");
}

TEST_F(LostRights, APublishersStreamEndsWithThem) {
  const auto context = ServedCoordinator::context(kGoes);
  const auto stream = coordinator_.events->PublishStream(context.get());
  v1::PublishStreamRequest request;
  *request.mutable_event() = event(1);
  ASSERT_TRUE(stream->Write(request));
  v1::PublishStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.answer().has_receipt());
  take_out();
  expect_lost(*stream, response, "not one that the coordinator knows");
}

TEST_F(LostRights, AGatewaysStreamEndsWithTheNextHeartbeat) {
  const auto context = ServedCoordinator::context(kGoes);
  const auto stream = coordinator_.gateway->Attach(context.get());
  v1::AttachRequest request;
  request.mutable_hello()->set_protocol_version(1);
  request.mutable_hello()->set_gateway_id(kGatewayB);
  request.set_held_end(true);
  ASSERT_TRUE(stream->Write(request));
  v1::AttachResponse response;
  ASSERT_TRUE(stream->Read(&response));
  take_out();
  request.Clear();
  request.mutable_heartbeat()->set_number(1);
  ASSERT_TRUE(stream->Write(request));
  expect_lost(*stream, response, "not one that the coordinator knows");
}

TEST(StandingCalls, OnlyARefusalEndsACallAndNobodyAsksForOneThatHasGone) {
  StandingCalls calls(1ms);
  std::atomic<grpc::StatusCode> answer = grpc::StatusCode::UNAVAILABLE;
  std::atomic<int> asked = 0;
  std::atomic<int> ended = 0;
  auto place = calls.add({[&] {
                            ++asked;
                            return grpc::Status(answer.load(), "why");
                          },
                          [&](const grpc::Status&) { ++ended; }});
  while (asked < 3) std::this_thread::yield();
  EXPECT_EQ(ended, 0) << "keys that cannot be had at the moment are no reason";
  answer = grpc::StatusCode::PERMISSION_DENIED;
  while (ended == 0) std::this_thread::yield();
  place.leave();
  const int before = asked;
  std::atomic<int> others = 0;
  const auto other = calls.add({[&] {
                                  ++others;
                                  return grpc::Status::OK;
                                },
                                [](const grpc::Status&) {}});
  while (others < 3) std::this_thread::yield();
  EXPECT_EQ(asked, before);
}

}  // namespace
}  // namespace interlock
