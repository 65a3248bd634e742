#include <fstream>

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

TEST(Authorizer, AMethodThatDoesNotExistIsForNobody) {
  const std::string no_such = "interlock.v1.Admin.NoSuch";
  EXPECT_FALSE(four_callers().authorize_token(token_of(v1::OPERATOR), no_such).ok());
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

TEST(RolesFile, NamesEachPrincipalByItsKind) {
  const auto principals = read_roles_file(token_file(
      R"([{"email":"a@b","role":"reader"},{"subject":"a@b","role":["gateway","publisher"]},
          {"certificate":"spiffe://x/y","role":"operator"}])"));
  ASSERT_TRUE(principals.ok()) << principals.status();
  EXPECT_EQ(principals->emails.at("a@b"), std::vector{v1::READER});
  EXPECT_EQ(principals->subjects.at("a@b"), (std::vector{v1::GATEWAY, v1::PUBLISHER}));
  EXPECT_EQ(principals->certificates.at("spiffe://x/y"), std::vector{v1::OPERATOR});
}

TEST(RolesFile, WhatIsNotOneIsRefused) {
  for (const char* text :
       {"", "{}", "[]", "[1]", R"([{"role":"reader"}])", R"([{"email":"a@b"}])",
        R"([{"email":"a@b","role":"emperor"}])", R"([{"email":7,"role":"reader"}])",
        R"([{"email":"a@b","subject":"a","role":"reader"}])",
        R"([{"email":"a@b","role":"reader"},{"email":"a@b","role":"operator"}])"}) {
    EXPECT_FALSE(read_roles_file(token_file(text)).ok()) << text;
  }
}

}  // namespace
}  // namespace interlock
