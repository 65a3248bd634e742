// Every method x every caller, through the real server: who may, who may not, and what is said.
#include <grpcpp/generic/generic_stub.h>

#include <fstream>
#include <map>
#include <set>

#include "google/protobuf/descriptor.h"
#include "tests/coordinator/service/served_coordinator.h"
#include "tests/support/issuer.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

constexpr v1::Role kRoles[] = {v1::GATEWAY, v1::PUBLISHER, v1::READER, v1::OPERATOR};

// Written by hand, so that a role that is changed in a .proto file is noticed.
const std::set<v1::Role> kGateways = {v1::GATEWAY};
const std::set<v1::Role> kPublishers = {v1::PUBLISHER};
const std::set<v1::Role> kAskers = {v1::PUBLISHER, v1::READER, v1::OPERATOR};
const std::set<v1::Role> kLookers = {v1::READER, v1::OPERATOR};
const std::set<v1::Role> kOperators = {v1::OPERATOR};
const std::map<std::string, std::set<v1::Role>> kExpected = {
    {"interlock.v1.Gateway.Attach", kGateways},
    {"interlock.v1.Gateway.Claim", kGateways},
    {"interlock.v1.Gateway.Abandon", kGateways},
    {"interlock.v1.Gateway.Operate", kGateways},
    {"interlock.v1.Gateway.Acknowledge", kGateways},
    {"interlock.v1.Events.Publish", kPublishers},
    {"interlock.v1.Events.PublishBatch", kPublishers},
    {"interlock.v1.Events.PublishStream", kPublishers},
    {"interlock.v1.Events.GetDelivery", kAskers},
    {"interlock.v1.Events.WatchDelivery", kAskers},
    {"interlock.v1.Admin.Get", kLookers},
    {"interlock.v1.Admin.List", kLookers},
    {"interlock.v1.Admin.Watch", kLookers},
    {"interlock.v1.Admin.History", kLookers},
    {"interlock.v1.Admin.Explain", kLookers},
    {"interlock.v1.Admin.Kick", kOperators},
    {"interlock.v1.Admin.ForceRelease", kOperators},
    {"interlock.v1.Admin.ListGateways", kLookers},
    {"interlock.v1.Admin.DrainGateway", kOperators},
    {"interlock.v1.Admin.Outbox", kOperators},
    {"interlock.v1.Admin.Stats", kLookers},
};

// Of all services that the coordinator has: a new method is in it by itself.
std::vector<const google::protobuf::MethodDescriptor*> all_methods() {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const char* name : {"interlock.v1.Gateway", "interlock.v1.Events", "interlock.v1.Admin"}) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    for (int i = 0; i < service->method_count(); ++i) methods.push_back(service->method(i));
  }
  return methods;
}

std::string name_of(v1::Role role) {
  std::string name = v1::Role_Name(role);
  for (char& c : name) c = static_cast<char>(std::tolower(c));
  return name;
}

const std::string kIssuer = "https://issuer.test";
const std::string kAudience = "https://coordinator.test";

class RoleMatrix : public testing::Test {
 protected:
  static std::string claims(const std::string& who, std::int64_t expires_in_s = 3600,
                            const std::string& audience = kAudience,
                            const std::string& issuer = kIssuer) {
    return R"({"sub":")" + who + R"(","iss":")" + issuer + R"(","aud":")" + audience +
           R"(","email":")" + who + R"(@x.test","email_verified":true,"exp":)" +
           std::to_string(time(nullptr) + expires_in_s) + "}";
  }

  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = scratch_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  Authorizer authorizer() const {
    std::string tokens;
    std::string roles;
    for (const v1::Role role : kRoles) {
      const std::string name = name_of(role);
      tokens += (tokens.empty() ? "[" : ",") + (R"({"token":"static-token-of-)" + name) +
                R"(","subject":"s","role":")" + name + R"("})";
      roles += (roles.empty() ? "[" : ",") + (R"({"email":")" + name) + R"(@x.test","role":")" +
               name + R"("})";
    }
    AuthorizerSettings settings;
    settings.token_file = write("tokens", tokens + "]");
    settings.roles_file = write("roles", roles + "]");
    settings.jwt.emplace(*KeySet::from_jwks(Issuer::key_set({issuer_.public_key()})),
                         TokenExpectations{kIssuer, {kAudience}, true});
    auto made = Authorizer::make(std::move(settings));
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }

  // With an empty message as its first and last one. What is allowed may then fail for any other
  // reason.
  grpc::Status call(const google::protobuf::MethodDescriptor& method, const std::string& token) {
    const auto context = ServedCoordinator::context(token);
    const std::string path = "/" + method.service()->full_name() + "/" + method.name();
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    const auto stream = stub.PrepareCall(context.get(), path, &queue);
    const auto next = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    const grpc::Slice nothing;
    grpc::ByteBuffer empty(&nothing, 1);
    grpc::ByteBuffer answer;
    stream->StartCall(nullptr);
    next();
    stream->WriteLast(empty, grpc::WriteOptions(), nullptr);
    next();
    // One answer is enough to know that it was let in; streams may go on for ever.
    stream->Read(&answer, nullptr);
    const bool answered = next();
    if (answered) context->TryCancel();
    grpc::Status status;
    stream->Finish(&status, nullptr);
    next();
    return answered ? grpc::Status::OK : status;
  }

  static bool let_in(const grpc::Status& status) {
    return status.error_code() != grpc::StatusCode::UNAUTHENTICATED &&
           status.error_code() != grpc::StatusCode::PERMISSION_DENIED;
  }

  const ScratchDirectory scratch_;
  const Issuer issuer_{"now", "ES256"};
  ServedCoordinator coordinator_{authorizer()};
  std::shared_ptr<grpc::Channel> channel_ =
      grpc::CreateChannel(coordinator_.address, grpc::InsecureChannelCredentials());
};

TEST_F(RoleMatrix, EveryMethodIsExpected) {
  std::set<std::string> names;
  for (const auto* method : all_methods()) names.insert(method->full_name());
  std::set<std::string> expected;
  for (const auto& [name, roles] : kExpected) expected.insert(name);
  EXPECT_EQ(names, expected);
}

TEST_F(RoleMatrix, EveryRoleMayDoWhatItIsThereForAndNothingElse) {
  for (const auto* method : all_methods()) {
    const auto& allowed = kExpected.at(method->full_name());
    for (const v1::Role role : kRoles) {
      for (const std::string& token :
           {"static-token-of-" + name_of(role), issuer_.sign(claims(name_of(role)))}) {
        // These two answer an allowed caller only when there is something to say.
        const bool silent = method->name() == "Watch" || method->name() == "Attach";
        if (silent && allowed.contains(role)) continue;
        const grpc::Status status = call(*method, token);
        EXPECT_EQ(let_in(status), allowed.contains(role))
            << method->full_name() << " by " << v1::Role_Name(role) << ": "
            << status.error_message();
        if (!allowed.contains(role)) {
          EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
        }
      }
    }
  }
}

TEST_F(RoleMatrix, WhoCannotProveWhoItIsMayDoNothingAndIsToldWhy) {
  const Issuer stranger("strange", "ES256");
  const Issuer impostor("now", "ES256");
  const struct {
    const char* what;
    std::string token;
    const char* told;
  } bad[] = {
      {"no token", "", "no token"},
      {"expired", issuer_.sign(claims("operator", -3600)), "has expired"},
      {"wrong audience", issuer_.sign(claims("operator", 3600, "https://other.test")),
       "another audience"},
      {"wrong issuer", issuer_.sign(claims("operator", 3600, kAudience, "https://other.test")),
       "another issuer"},
      {"unknown key", stranger.sign(claims("operator")), "a key that is not"},
      {"wrong signature", impostor.sign(claims("operator")), "signature is wrong"},
      {"no expiry",
       issuer_.sign(R"({"sub":"operator","iss":"https://issuer.test","aud":)"
                    R"("https://coordinator.test"})"),
       "no `exp`"},
      {"nonsense", "a-token-that-nobody-knows", "no JSON Web Token"},
      {"a known token, cut", "static-token-of-operato", "no JSON Web Token"},
  };
  for (const auto* method : all_methods()) {
    for (const auto& [what, token, told] : bad) {
      const grpc::Status status = call(*method, token);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED)
          << method->full_name() << ", " << what;
      EXPECT_THAT(status.error_message(), testing::HasSubstr(told)) << what;
      for (const char* secret : {"operator@", "other.test", "strange", "static-token"}) {
        EXPECT_THAT(status.error_message(), testing::Not(testing::HasSubstr(secret))) << what;
      }
    }
    const grpc::Status nobody = call(*method, issuer_.sign(claims("nobody")));
    EXPECT_EQ(nobody.error_code(), grpc::StatusCode::PERMISSION_DENIED) << method->full_name();
  }
}

// Half a minute for clocks that differ: this one has two seconds left of it.
TEST_F(RoleMatrix, AStreamOfAGatewayEndsWithItsTokenAndNotBefore) {
  const std::string token = issuer_.sign(claims("gateway", 2 - 30));
  const auto context = ServedCoordinator::context(token);
  const auto stream = v1::Gateway::NewStub(channel_)->Attach(context.get());
  v1::AttachRequest request;
  request.mutable_hello()->set_protocol_version(1);
  request.mutable_hello()->set_gateway_id(kGatewayA);
  request.set_held_end(true);
  ASSERT_TRUE(stream->Write(request));
  std::uint64_t confirmed = 0;
  v1::AttachResponse response;
  for (std::uint64_t number = 1;; ++number) {
    request.Clear();
    request.mutable_heartbeat()->set_number(number);
    if (!stream->Write(request)) break;
    while (stream->Read(&response) && response.heartbeat_confirmed() < number) {
    }
    if (response.heartbeat_confirmed() < number) break;
    confirmed = number;
    response.Clear();
  }
  const grpc::Status status = stream->Finish();
  EXPECT_GE(confirmed, 1u) << "it was let in";
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("has expired"));
}

TEST_F(RoleMatrix, AnUnverifiedAddressGivesNoRole) {
  std::string unverified = claims("operator");
  unverified.replace(unverified.find("true"), 4, "false");
  v1::StatsResponse stats;
  const grpc::Status status = coordinator_.admin->Stats(
      ServedCoordinator::context(issuer_.sign(unverified)).get(), {}, &stats);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(RoleMatrix, WhatAnsweredOnlyWhenThereIsNewsLetsItsRolesIn) {
  auto watching = ServedCoordinator::context(issuer_.sign(claims("reader")));
  v1::WatchRequest everything;
  const auto watch = coordinator_.admin->Watch(watching.get(), everything);
  auto claiming = ServedCoordinator::context(issuer_.sign(claims("gateway")));
  v1::Granted granted;
  const grpc::Status claimed = coordinator_.gateway->Claim(
      claiming.get(), ServedCoordinator::claim_request("alice:one", kGatewayA), &granted);
  EXPECT_TRUE(claimed.ok()) << claimed.error_message();
  v1::WatchResponse change;
  EXPECT_TRUE(watch->Read(&change));
  watching->TryCancel();
  watch->Finish();

  auto attaching = ServedCoordinator::context(issuer_.sign(claims("gateway")));
  const auto attach = coordinator_.gateway->Attach(attaching.get());
  v1::AttachRequest hello;
  hello.mutable_hello()->set_protocol_version(1);
  hello.mutable_hello()->set_gateway_id(kGatewayA);
  hello.mutable_hello()->set_event_credit_bytes(1 << 20);
  EXPECT_TRUE(attach->Write(hello));
  v1::AttachResponse answer;
  EXPECT_TRUE(attach->Read(&answer));
  attaching->TryCancel();
  attach->Finish();
}

}  // namespace
}  // namespace interlock
