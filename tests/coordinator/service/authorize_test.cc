#include <fstream>
#include <set>

#include "google/protobuf/descriptor.h"
#include "tests/coordinator/service/served_coordinator.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

std::string token_file(const std::string& text) {
  static const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/tokens";
  std::ofstream(path) << text;
  return path;
}

std::string token_of(v1::Role role) { return "token-of-the-" + v1::Role_Name(role); }

constexpr std::string_view kFourTokens = R"([
  {"token": "token-of-the-GATEWAY", "role": "gateway", "subject": "g"},
  {"token": "token-of-the-PUBLISHER", "role": "publisher", "subject": "p"},
  {"token": "token-of-the-READER", "role": "reader", "subject": "r"},
  {"token": "token-of-the-OPERATOR", "role": ["operator"], "subject": "o"}])";

Authorizer four_callers() {
  absl::StatusOr<Authorizer> authorizer =
      Authorizer::from_token_file(token_file(std::string(kFourTokens)));
  EXPECT_TRUE(authorizer.ok()) << authorizer.status();
  return *std::move(authorizer);
}

std::vector<const google::protobuf::MethodDescriptor*> all_methods() {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const char* name : {"interlock.v1.Gateway", "interlock.v1.Events", "interlock.v1.Admin"}) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    for (int i = 0; i < service->method_count(); ++i) methods.push_back(service->method(i));
  }
  return methods;
}

constexpr v1::Role kRoles[] = {v1::GATEWAY, v1::PUBLISHER, v1::READER, v1::OPERATOR};

// Written by hand, so that a role that is changed in a .proto file is noticed.
const std::map<std::string, std::set<v1::Role>> kExpected = {
    {"Attach", {v1::GATEWAY}},        {"Claim", {v1::GATEWAY}},
    {"Abandon", {v1::GATEWAY}},       {"Operate", {v1::GATEWAY}},
    {"Acknowledge", {v1::GATEWAY}},   {"Publish", {v1::PUBLISHER}},
    {"PublishBatch", {v1::PUBLISHER}}, {"PublishStream", {v1::PUBLISHER}},
    {"GetDelivery", {v1::PUBLISHER, v1::READER, v1::OPERATOR}},
    {"WatchDelivery", {v1::PUBLISHER, v1::READER, v1::OPERATOR}},
    {"Get", {v1::READER, v1::OPERATOR}},      {"List", {v1::READER, v1::OPERATOR}},
    {"Watch", {v1::READER, v1::OPERATOR}},    {"History", {v1::READER, v1::OPERATOR}},
    {"Explain", {v1::READER, v1::OPERATOR}},  {"Kick", {v1::OPERATOR}},
    {"ForceRelease", {v1::OPERATOR}},         {"ListGateways", {v1::READER, v1::OPERATOR}},
    {"Outbox", {v1::OPERATOR}},
    {"DrainGateway", {v1::OPERATOR}},         {"Stats", {v1::READER, v1::OPERATOR}},
};

TEST(Authorizer, EveryMethodLetsItsRolesInAndNobodyElse) {
  const Authorizer authorizer = four_callers();
  const auto methods = all_methods();
  EXPECT_EQ(methods.size(), kExpected.size());
  for (const auto* method : methods) {
    const std::string name = method->full_name();
    const auto expected = kExpected.find(method->name());
    ASSERT_NE(expected, kExpected.end()) << name;
    for (v1::Role role : kRoles) {
      EXPECT_EQ(authorizer.authorize_token(token_of(role), name).ok(),
                expected->second.contains(role))
          << name << " by " << v1::Role_Name(role);
    }
    EXPECT_EQ(authorizer.authorize_token("", name).error_code(),
              grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_EQ(authorizer.authorize_token("a token nobody gave", name).error_code(),
              grpc::StatusCode::UNAUTHENTICATED);
  }
  const std::string no_such = "interlock.v1.Admin.NoSuch";
  EXPECT_FALSE(authorizer.authorize_token(token_of(v1::OPERATOR), no_such).ok());
}

// The handlers that are there ask before they look at anything.
TEST(Authorizer, TheHandlersAsk) {
  ServedCoordinator coordinator(four_callers());
  const std::string publisher = token_of(v1::PUBLISHER);
  const auto context = [](const std::string& token) { return ServedCoordinator::context(token); };
  const auto expect = [](const grpc::Status& status, grpc::StatusCode code, const char* what) {
    EXPECT_EQ(status.error_code(), code) << what << ": " << status.error_message();
  };
  for (const auto& [token, code] :
       {std::pair{std::string(), grpc::StatusCode::UNAUTHENTICATED},
        std::pair{publisher, grpc::StatusCode::PERMISSION_DENIED}}) {
    v1::Granted granted;
    expect(coordinator.gateway->Claim(context(token).get(), {}, &granted), code, "Claim");
    v1::AbandonResponse abandoned;
    expect(coordinator.gateway->Abandon(context(token).get(), {}, &abandoned), code, "Abandon");
    v1::Done done;
    expect(coordinator.gateway->Operate(context(token).get(), {}, &done), code, "Operate");
    v1::AcknowledgeResponse acknowledged;
    expect(coordinator.gateway->Acknowledge(context(token).get(), {}, &acknowledged), code, "Ack");
    v1::Connection connection;
    expect(coordinator.admin->Get(context(token).get(), {}, &connection), code, "Get");
    v1::ListResponse page;
    expect(coordinator.admin->List(context(token).get(), {}, &page), code, "List");
    v1::HistoryResponse history;
    expect(coordinator.admin->History(context(token).get(), {}, &history), code, "History");
    auto watching = context(token);
    const auto watch = coordinator.admin->Watch(watching.get(), {});
    v1::WatchResponse change;
    EXPECT_FALSE(watch->Read(&change));
    expect(watch->Finish(), code, "Watch");
    auto attaching = context(token);
    const auto attach = coordinator.gateway->Attach(attaching.get());
    v1::AttachResponse answer;
    EXPECT_FALSE(attach->Read(&answer));
    expect(attach->Finish(), code, "Attach");
  }
  v1::Receipt receipt;
  expect(coordinator.events->Publish(context(token_of(v1::GATEWAY)).get(), {}, &receipt),
         grpc::StatusCode::PERMISSION_DENIED, "Publish");
  expect(coordinator.events->Publish(context(publisher).get(), {}, &receipt),
         grpc::StatusCode::INVALID_ARGUMENT, "Publish, allowed");
}

TEST(Authorizer, ATokenFileThatIsNotOneIsRefusedWithoutQuotingIt) {
  for (const char* text :
       {"", "{}", "[]", "[1]", R"([{"token": "long enough, no role at all"}])",
        R"([{"token": "short", "role": "reader"}])",
        R"([{"token": "long enough for a token", "role": "emperor"}])",
        R"([{"token": "long enough for a token", "role": "reader"},
            {"token": "long enough for a token", "role": "reader"}])"}) {
    const absl::StatusOr<Authorizer> authorizer = Authorizer::from_token_file(token_file(text));
    EXPECT_FALSE(authorizer.ok()) << text;
    EXPECT_EQ(authorizer.status().message().find("long enough"), std::string::npos);
  }
  EXPECT_FALSE(Authorizer::from_token_file("/no/such/file").ok());
}

}  // namespace
}  // namespace interlock
