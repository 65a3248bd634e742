#include "common/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>
#include <vector>

#include "tests/common/token_vectors.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
namespace vectors = token_vectors;

constexpr std::int64_t now = 1700000000;
constexpr std::int64_t expiry = now + 3600;

TokenVerdict verify(std::string_view token, std::int64_t at = now) {
  static const TokenVerifier verifier = *TokenVerifier::from_hs256_key(vectors::secret);
  return verifier.verify(token, at);
}

// The rejection's name, or the subject.
std::string outcome(std::string_view token, std::int64_t at = now) {
  const TokenVerdict verdict = verify(token, at);
  const auto* verified = std::get_if<VerifiedToken>(&verdict);
  if (verified != nullptr) return verified->subject;
  return std::string(to_string(std::get<TokenRejection>(verdict)));
}

std::string write_key(const std::string& content) {
  static const ScratchDirectory scratch;
  std::string path = scratch.path() + "/token_test_key";
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(Token, AGoodTokenNamesItsSubjectAndItsEnd) {
  EXPECT_EQ(verify(vectors::good), TokenVerdict(VerifiedToken{"alice@example.com", expiry}));
}

TEST(Token, ATokenWithoutExpiryDoesNotExpire) {
  EXPECT_EQ(verify(vectors::without_expiry, now * 5),
            TokenVerdict(VerifiedToken{"alice@example.com", std::nullopt}));
}

TEST(Token, ExpiryIsHonouredWithinTheSkew) {
  EXPECT_EQ(outcome(vectors::good, expiry + clock_skew_seconds - 1), "alice@example.com");
  EXPECT_EQ(outcome(vectors::good, expiry + clock_skew_seconds), "expired");
  EXPECT_EQ(verify(vectors::fractional_expiry),
            TokenVerdict(VerifiedToken{"alice@example.com", expiry}));
}

TEST(Token, NotBeforeIsHonouredWithinTheSkew) {
  EXPECT_EQ(outcome(vectors::with_not_before, now - clock_skew_seconds), "alice@example.com");
  EXPECT_EQ(outcome(vectors::with_not_before, now - clock_skew_seconds - 1), "not_yet_valid");
}

TEST(Token, ASubjectIsNeeded) {
  EXPECT_EQ(outcome(vectors::without_subject), "no_subject");
  EXPECT_EQ(outcome(vectors::empty_subject), "no_subject");
}

TEST(Token, AClaimOfTheWrongTypeIsMalformed) {
  EXPECT_EQ(outcome(vectors::numeric_subject), "malformed");
  EXPECT_EQ(outcome(vectors::text_expiry), "malformed");
  EXPECT_EQ(outcome(vectors::endless_expiry), "malformed");
}

TEST(Token, TheAlgorithmIsTheKeysAndNeverTheTokens) {
  EXPECT_EQ(outcome(vectors::none), "unsupported_algorithm");
  EXPECT_EQ(outcome(vectors::hs512), "unsupported_algorithm");
  EXPECT_EQ(outcome(vectors::lower_case_algorithm), "unsupported_algorithm");
  EXPECT_EQ(outcome(vectors::no_algorithm), "unsupported_algorithm");
}

// RFC 7515, section 4: refuse a name that stands there twice, or use the last one. What must not
// happen is that one parser uses the first and another the last.
TEST(Token, OfTwoAlgorithmsTheLastOneCounts) {
  EXPECT_EQ(outcome(vectors::two_algorithms), "alice@example.com");
  EXPECT_EQ(outcome(vectors::two_algorithms_reversed), "unsupported_algorithm");
}

TEST(Token, AnExtensionThatMustBeUnderstoodIsRefused) {
  EXPECT_EQ(outcome(vectors::critical), "unsupported_algorithm");
}

TEST(Token, AKeyWithoutANameServesEveryKid) {
  EXPECT_EQ(outcome(vectors::with_kid), "alice@example.com");
}

TEST(Token, AnotherKeysSignatureIsRefused) {
  EXPECT_EQ(outcome(vectors::other_key), "bad_signature");
}

TEST(Token, EveryChangedCharacterIsNoticed) {
  for (std::size_t i = 0; i < vectors::good.size(); ++i) {
    std::string tampered(vectors::good);
    tampered[i] = tampered[i] == 'A' ? 'B' : 'A';
    EXPECT_TRUE(std::holds_alternative<TokenRejection>(verify(tampered))) << i;
  }
}

TEST(Token, EveryCutIsNoticed) {
  for (std::size_t size = 0; size < vectors::good.size(); ++size) {
    const TokenVerdict verdict = verify(vectors::good.substr(0, size));
    EXPECT_TRUE(std::holds_alternative<TokenRejection>(verdict)) << size;
  }
}

TEST(Token, WhatIsNotATokenIsMalformed) {
  const std::string good(vectors::good);
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), std::string("..."), good + ".",
        good + "=", good + " ", " " + good, good + "." + good, good + std::string("\0x", 2),
        std::string("Bearer ") + good}) {
    EXPECT_EQ(outcome(text), "malformed") << text;
  }
  EXPECT_EQ(outcome("e30.e30.e30"), "unsupported_algorithm");  // {} {} {}
  EXPECT_EQ(outcome(vectors::header_not_json), "malformed");
  EXPECT_EQ(outcome(vectors::payload_not_json), "malformed");
  EXPECT_EQ(outcome(vectors::payload_an_array), "malformed");
}

TEST(Token, ASignatureIsWrittenInOneWayOnly) {
  std::string other(vectors::good);
  ASSERT_EQ(other.back(), 'o');  // ends in two bits that nothing needs: p, q and r decode alike
  other.back() = 'p';
  EXPECT_EQ(outcome(other), "malformed");
}

TEST(Token, ATokenThatIsTooLongIsNotEvenRead) {
  EXPECT_EQ(outcome(std::string(token_bytes_max + 1, 'e')), "malformed");
}

TEST(Token, ThreadsMayShareAVerifier) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 200; ++j) EXPECT_EQ(outcome(vectors::good), "alice@example.com");
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(TokenKey, AFilesLastNewlineIsNotPartOfIt) {
  for (const std::string ending : {"", "\n", "\r\n"}) {
    const auto verifier =
        TokenVerifier::from_hs256_key_file(write_key(std::string(vectors::secret) + ending));
    ASSERT_TRUE(verifier.ok()) << verifier.status();
    EXPECT_TRUE(std::holds_alternative<VerifiedToken>(verifier->verify(vectors::good, now)));
  }
  const auto two_lines =
      TokenVerifier::from_hs256_key_file(write_key(std::string(vectors::secret) + "\n\n"));
  EXPECT_TRUE(std::holds_alternative<TokenRejection>(two_lines->verify(vectors::good, now)));
}

TEST(TokenKey, AShortOneIsRefusedWithoutShowingIt) {
  const auto verifier =
      TokenVerifier::from_hs256_key_file(write_key("only-thirty-one-characters-long\n"));
  EXPECT_THAT(std::string(verifier.status().message()),
              AllOf(HasSubstr("at least 32 bytes; this one has 31"),
                    HasSubstr("token_test_key"), Not(HasSubstr("thirty"))));
}

TEST(TokenKey, AMissingFileIsASentence) {
  EXPECT_THAT(std::string(TokenVerifier::from_hs256_key_file("/nowhere").status().message()),
              HasSubstr("/nowhere"));
}

}  // namespace
}  // namespace interlock
