#include "coordinator/service/verified_tokens.h"

#include <gtest/gtest.h>

#include "tests/support/issuer.h"

namespace interlock {
namespace {

constexpr std::int64_t now = 1700000000;

// Keys that a test exchanges.
class Keys final : public KeySource {
 public:
  std::shared_ptr<const KeySet> keys() const override { return keys_; }
  void publish(const std::vector<std::string>& keys) {
    keys_ = std::make_shared<const KeySet>(*KeySet::from_jwks(Issuer::key_set(keys)));
  }
  void lose() { keys_ = nullptr; }

 private:
  std::shared_ptr<const KeySet> keys_;
};

class VerifiedTokensTest : public testing::Test {
 protected:
  VerifiedTokensTest() { keys_->publish({issuer_.public_key()}); }

  std::string token(const std::string& subject, std::int64_t expires_in_s = 3600) const {
    return issuer_.sign(R"({"sub":")" + subject + R"(","exp":)" +
                        std::to_string(now + expires_in_s) + "}");
  }
  static PrincipalRoles roles() {
    PrincipalRoles roles;
    roles.subjects["reader"] = {v1::READER};
    return roles;
  }
  std::string outcome(const std::string& token, std::int64_t at = now) {
    auto verdict = tokens_.look_at(token, at);
    if (const auto* rejection = std::get_if<TokenRejection>(&verdict)) {
      return std::string(to_string(*rejection));
    }
    return std::get<std::shared_ptr<const Caller>>(verdict)->subject;
  }

  const Issuer issuer_{"now", "ES256"};
  const std::shared_ptr<Keys> keys_ = std::make_shared<Keys>();
  VerifiedTokens tokens_{TokenVerifier(keys_, {"", {}, true}), roles(), 4};
};

TEST_F(VerifiedTokensTest, ATokenIsVerifiedOnce) {
  const std::string good = token("reader");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(outcome(good), "reader");
  EXPECT_EQ(tokens_.verified(), 1u);
}

TEST_F(VerifiedTokensTest, AndNoLongerThanItLasts) {
  const std::string good = token("reader", 60);
  EXPECT_EQ(outcome(good), "reader");
  EXPECT_EQ(outcome(good, now + 60 + clock_skew_seconds - 1), "reader");
  EXPECT_EQ(outcome(good, now + 60 + clock_skew_seconds), "expired");
}

TEST_F(VerifiedTokensTest, NorLongerThanTheKeysCount) {
  const std::string good = token("reader");
  EXPECT_EQ(outcome(good), "reader");
  const Issuer next("next", "ES256");
  keys_->publish({next.public_key()});
  EXPECT_EQ(outcome(good), "unknown_key");
  keys_->publish({issuer_.public_key()});
  EXPECT_EQ(outcome(good), "reader");
  keys_->lose();
  EXPECT_EQ(outcome(good), "no_keys");
}

TEST_F(VerifiedTokensTest, ARejectionIsNotKept) {
  const std::string early = issuer_.sign(R"({"sub":"reader","exp":1700003600,"nbf":1700000100})");
  EXPECT_EQ(outcome(early), "not_yet_valid");
  EXPECT_EQ(outcome(early, now + 100), "reader");
}

TEST_F(VerifiedTokensTest, OnlySoManyAreKept) {
  for (int i = 0; i < 20; ++i) {
    const std::string subject = "s" + std::to_string(i);
    EXPECT_EQ(outcome(token(subject)), subject);
  }
  EXPECT_EQ(tokens_.verified(), 20u);
  EXPECT_EQ(outcome(token("s19")), "s19");
}

TEST_F(VerifiedTokensTest, ATokenOfUnboundedLengthIsNotEvenHashed) {
  EXPECT_EQ(outcome(std::string(token_bytes_max + 1, 'x')), "malformed");
}

}  // namespace
}  // namespace interlock
