#include "common/key_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/token.h"
#include "tests/support/issuer.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t now = 1700000000;

const Issuer& rsa() {
  static const Issuer issuer("first", "RS256");
  return issuer;
}
const Issuer& curve() {
  static const Issuer issuer("second", "ES256");
  return issuer;
}

TokenVerifier verifier_of(const std::string& key_set, TokenExpectations expectations = {}) {
  absl::StatusOr<KeySet> keys = KeySet::from_jwks(key_set);
  EXPECT_TRUE(keys.ok()) << keys.status();
  return TokenVerifier(*std::move(keys), std::move(expectations));
}
const TokenVerifier& both() {
  static const TokenVerifier verifier =
      verifier_of(Issuer::key_set({rsa().public_key(), curve().public_key()}));
  return verifier;
}

// The rejection's name, or the subject.
std::string outcome(const TokenVerifier& verifier, const std::string& token) {
  const TokenVerdict verdict = verifier.verify(token, now);
  const auto* verified = std::get_if<VerifiedToken>(&verdict);
  if (verified != nullptr) return verified->subject;
  return std::string(to_string(std::get<TokenRejection>(verdict)));
}

const std::string alice = R"({"sub":"alice","exp":1700003600})";

TEST(KeySet, TheKeyThatATokenNamesVerifiesIt) {
  EXPECT_EQ(outcome(both(), rsa().sign(alice)), "alice");
  EXPECT_EQ(outcome(both(), curve().sign(alice)), "alice");
}

TEST(KeySet, AnotherKeyThanTheNamedOneDoesNot) {
  const Issuer stranger("first", "RS256");
  EXPECT_EQ(outcome(both(), stranger.sign(alice)), "bad_signature");
  EXPECT_EQ(outcome(both(), rsa().sign_as("third", alice)), "unknown_key");
  EXPECT_EQ(outcome(both(), rsa().sign_as("", alice)), "unknown_key");
}

TEST(KeySet, TheAlgorithmBelongsToTheKey) {
  EXPECT_EQ(outcome(both(), rsa().sign_as("second", alice)), "unsupported_algorithm");
  EXPECT_EQ(outcome(both(), curve().sign_as("first", alice)), "unsupported_algorithm");
  // What everybody knows of the key, taken for a shared secret.
  EXPECT_EQ(outcome(both(), sign_with_secret(rsa().public_key(), "first", alice)),
            "unsupported_algorithm");
}

TEST(KeySet, EveryChangedCharacterIsNoticed) {
  for (const Issuer* issuer : {&rsa(), &curve()}) {
    const std::string good = issuer->sign(alice);
    for (std::size_t i = 0; i < good.size(); ++i) {
      std::string tampered = good;
      tampered[i] = tampered[i] == 'A' ? 'B' : 'A';
      EXPECT_NE(outcome(both(), tampered), "alice") << i;
    }
  }
}

TEST(KeySet, ACutSignatureIsNotOne) {
  const std::string good = curve().sign(alice);
  const std::size_t signature = good.rfind('.') + 1;
  for (std::size_t size = signature; size < good.size(); ++size) {
    EXPECT_NE(outcome(both(), good.substr(0, size)), "alice") << size;
  }
}

TEST(KeySet, WhatIsNoKeySetIsRefused) {
  const std::string good = rsa().public_key();
  std::string many;
  for (std::size_t i = 0; i <= key_set_keys_max; ++i) many += (i == 0 ? "" : ",") + good;
  for (const std::string& text : std::vector<std::string>{
           "", "garbage", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})", R"({"keys":[7]})",
           "{\"keys\":[" + good + "," + good + "]}", "{\"keys\":[" + many + "]}",
           Issuer::key_set({good}) + std::string(key_set_bytes_max, ' ')}) {
    const absl::StatusOr<KeySet> keys = KeySet::from_jwks(text);
    ASSERT_FALSE(keys.ok()) << text.substr(0, 100);
    EXPECT_THAT(std::string(keys.status().message()), HasSubstr("The key set"));
  }
}

// How many of the keys are taken: an unusable one must not take the others with it.
std::size_t taken(const std::string& key) {
  const auto keys = KeySet::from_jwks(Issuer::key_set({curve().public_key(), key}));
  return keys.ok() ? keys->size() - 1 : 0;
}

TEST(KeySet, KeysThatAreOfNoUseHereAreLeftOut) {
  const Issuer fresh("fresh", "RS256");
  EXPECT_EQ(taken(fresh.public_key()), 1u);
  EXPECT_EQ(taken(fresh.public_key(R"(,"use":"sig","alg":"RS256","x5t":"QQ")")), 1u);
  EXPECT_EQ(taken(fresh.public_key(R"(,"key_ops":["sign","verify"])")), 1u);
  EXPECT_EQ(taken(fresh.public_key(R"(,"use":"enc")")), 0u);
  EXPECT_EQ(taken(fresh.public_key(R"(,"alg":"RS512")")), 0u);
  EXPECT_EQ(taken(fresh.public_key(R"(,"alg":"HS256")")), 0u);
  EXPECT_EQ(taken(fresh.public_key(R"(,"key_ops":["encrypt"])")), 0u);
  EXPECT_EQ(taken(Issuer("", "RS256").public_key()), 0u);
  EXPECT_EQ(taken(R"({"kty":"oct","kid":"x","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"})"), 0u);
  EXPECT_EQ(taken(R"({"kty":"EC","crv":"P-384","kid":"x","x":"QQ","y":"QQ"})"), 0u);
  EXPECT_EQ(taken(R"({"kty":"EC","crv":"P-256","kid":"x","x":"QQ","y":"QQ"})"), 0u);
  EXPECT_EQ(taken(R"({"kty":"RSA","kid":"x","n":"not base64","e":"AQAB"})"), 0u);
  EXPECT_EQ(taken(R"({"kty":7,"kid":"x"})"), 0u);
}

TEST(KeySet, WeakKeysAreLeftOut) {
  EXPECT_EQ(taken(Issuer("weak", "RS256", 1024).public_key()), 0u);
  std::string trivial = Issuer("trivial", "RS256").public_key();
  const std::size_t exponent = trivial.find("AQAB");
  ASSERT_NE(exponent, std::string::npos);
  for (const char* bad : {"AQ", "AA", "Ag", "BA"}) {
    std::string key = trivial;
    EXPECT_EQ(taken(key.replace(exponent, 4, bad)), 0u) << bad;
  }
}

// ---- what a token must say ----

TokenVerifier strict() {
  return verifier_of(Issuer::key_set({curve().public_key()}),
                     {"https://issuer.test", {"https://one.test", "https://two.test"}, true});
}

std::string claims(const std::string& audience, const std::string& more = R"(,"exp":1700003600)",
                   const std::string& issuer = "https://issuer.test") {
  return R"({"sub":"alice","iss":")" + issuer + R"(","aud":)" + audience + more + "}";
}

TEST(TokenExpectations, IssuerAndAudienceMustBeTheExpectedOnes) {
  const TokenVerifier verifier = strict();
  const auto judged = [&](const std::string& text) {
    return outcome(verifier, curve().sign(text));
  };
  EXPECT_EQ(judged(claims(R"("https://one.test")")), "alice");
  EXPECT_EQ(judged(claims(R"(["x","https://two.test"])")), "alice");
  EXPECT_EQ(judged(claims(R"("https://one.test/")")), "wrong_audience");
  EXPECT_EQ(judged(claims(R"("")")), "wrong_audience");
  EXPECT_EQ(judged(claims("[]")), "wrong_audience");
  EXPECT_EQ(judged(claims(R"(["https://one.test",7])")), "malformed");
  EXPECT_EQ(judged(claims("7")), "malformed");
  EXPECT_EQ(judged(R"({"sub":"alice","iss":"https://issuer.test","exp":1700003600})"),
            "wrong_audience");
  EXPECT_EQ(judged(claims(R"("https://one.test")", R"(,"exp":1700003600)", "https://other.test")),
            "wrong_issuer");
  EXPECT_EQ(judged(R"({"sub":"alice","aud":"https://one.test","exp":1700003600})"), "wrong_issuer");
}

TEST(TokenExpectations, ATokenThatNeverEndsIsRefusedWhereAnEndIsAskedFor) {
  EXPECT_EQ(outcome(strict(), curve().sign(claims(R"("https://one.test")", ""))), "no_expiry");
  EXPECT_EQ(outcome(both(), curve().sign(R"({"sub":"alice"})")), "alice");
}

TEST(TokenExpectations, AnAddressCountsOnlyWhenTheIssuerHasVerifiedIt) {
  const auto email = [](const std::string& more) {
    const std::string token = curve().sign(R"({"sub":"alice","email":"a@b")" + more + "}");
    return std::get<VerifiedToken>(both().verify(token, now)).email;
  };
  EXPECT_EQ(email(R"(,"email_verified":true)"), "a@b");
  EXPECT_EQ(email(R"(,"email_verified":"true")"), "");
  EXPECT_EQ(email(R"(,"email_verified":false)"), "");
  EXPECT_EQ(email(""), "");
}

TEST(UnverifiedClaims, SayWhenAForeignTokenEndsAndForWhomItIs) {
  const auto read = unverified_claims(curve().sign(claims(R"(["x","y"])")));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->expires_at, 1700003600);
  EXPECT_EQ(read->audiences, (std::vector<std::string>{"x", "y"}));
  for (const std::string& text : {std::string(), std::string("<html>"), std::string("a.b.c"),
                                  curve().sign(R"({"sub":"alice"})")}) {
    EXPECT_FALSE(unverified_claims(text)) << text;
  }
}

}  // namespace
}  // namespace interlock
