#include "gateway/upgrade.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway/refusal.h"
#include "gateway/upgrade_query.h"
#include "tests/common/token_vectors.h"

namespace interlock {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;

constexpr std::int64_t signed_at = 1'700'000'000;  // of the vectors, good for one hour

struct Fields {
  std::vector<HeaderField> list{{"Host", "example.com"},
                                {"Connection", "keep-alive, Upgrade"},
                                {"Upgrade", "websocket"},
                                {"Sec-WebSocket-Version", "13"},
                                {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                                {"Sec-WebSocket-Protocol", "interlock.v1"}};

  Fields& set(std::string_view name, std::string_view value) {
    for (HeaderField& field : list) {
      if (field.name == name) {
        field.value = value;
        return *this;
      }
    }
    list.push_back({name, value});
    return *this;
  }
  Fields& drop(std::string_view name) {
    std::erase_if(list, [name](const HeaderField& field) { return field.name == name; });
    return *this;
  }
};

HttpRequest request_for(std::string_view target, const Fields& fields = {}) {
  return {"GET", target, 11, fields.list};
}

UpgradeMoment moment(std::int64_t now = signed_at) {
  return {now, "made-by-the-gateway", "0123456789abcdef"};
}

UpgradePolicy open_policy() {
  UpgradePolicy policy;
  policy.has_backend = true;
  return policy;
}

UpgradeAccepted accept(const HttpRequest& request, const UpgradePolicy& policy = open_policy(),
                       std::int64_t now = signed_at) {
  UpgradeDecision decision = decide_upgrade(request, policy, moment(now));
  if (const auto* refused = std::get_if<UpgradeRefused>(&decision)) {
    ADD_FAILURE() << request.target << " was refused: " << refused->answer.message;
    return {};
  }
  return std::get<UpgradeAccepted>(decision);
}

UpgradeRefused refuse(const HttpRequest& request, const UpgradePolicy& policy = open_policy(),
                      std::int64_t now = signed_at) {
  UpgradeDecision decision = decide_upgrade(request, policy, moment(now));
  if (std::holds_alternative<UpgradeAccepted>(decision)) {
    ADD_FAILURE() << request.target << " was accepted";
    return {};
  }
  return std::get<UpgradeRefused>(decision);
}

TEST(Upgrade, ABareRequestGetsASessionMadeByTheGateway) {
  const UpgradeAccepted accepted = accept(request_for("/ws"));
  EXPECT_EQ(accepted.session.session, "made-by-the-gateway");
  EXPECT_EQ(accepted.session.key, "anonymous:made-by-the-gateway");
  EXPECT_EQ(accepted.session.subject, "anonymous");
  EXPECT_EQ(accepted.session.claim_id, "0123456789abcdef");
  EXPECT_TRUE(accepted.session.has_backend);
  EXPECT_FALSE(accepted.session.attempt);
  EXPECT_FALSE(accepted.session.position);
  EXPECT_FALSE(accepted.session.show_states);
  EXPECT_FALSE(accepted.form.browser);
  EXPECT_EQ(accepted.form.subprotocol, "interlock.v1");
}

TEST(Upgrade, TheQuerySaysWhereTheClientStands) {
  const UpgradeAccepted accepted = accept(
      request_for("/ws?session=my_tab-1&last_seq=42&gen=18446744073709551615&try=3&states=1"));
  EXPECT_EQ(accepted.session.key, "anonymous:my_tab-1");
  ASSERT_TRUE(accepted.session.attempt);
  EXPECT_EQ(accepted.session.attempt->generation(), 18446744073709551615u);
  EXPECT_EQ(accepted.session.attempt->tries(), 3u);
  ASSERT_TRUE(accepted.session.position);
  EXPECT_EQ(accepted.session.position->last_seq(), 42u);
  EXPECT_EQ(accepted.session.position->generation(), 18446744073709551615u);
  EXPECT_TRUE(accepted.session.show_states);
}

TEST(Upgrade, AnAttemptAndAPositionAreGivenOnlyByWhoNamesThem) {
  const UpgradeAccepted only_try = accept(request_for("/ws?try=2"));
  ASSERT_TRUE(only_try.session.attempt);
  EXPECT_EQ(only_try.session.attempt->generation(), 0u);
  EXPECT_EQ(only_try.session.attempt->tries(), 2u);
  EXPECT_FALSE(only_try.session.position);

  const UpgradeAccepted only_position = accept(request_for("/ws?last_seq=0"));
  EXPECT_FALSE(only_position.session.attempt);
  ASSERT_TRUE(only_position.session.position);
  EXPECT_EQ(only_position.session.position->last_seq(), 0u);
}

TEST(Upgrade, APositionCountsUnderTheHelloThatSeqGenNames) {
  const UpgradeAccepted told = accept(request_for("/ws?last_seq=42&seq_gen=7&gen=9&try=1"));
  EXPECT_EQ(told.session.attempt->generation(), 9u);
  EXPECT_EQ(told.session.position->generation(), 7u);
  const UpgradeAccepted alone = accept(request_for("/ws?last_seq=42&seq_gen=7"));
  EXPECT_FALSE(alone.session.attempt);
  EXPECT_EQ(alone.session.position->generation(), 7u);
}

TEST(Upgrade, WhatIsNotKnownIsLeftToLaterVersions) {
  const UpgradeAccepted accepted =
      accept(request_for("/ws?x=1&x=2&=3&&%zz=1&flag&session=%61%62-%5A&states=0"));
  EXPECT_EQ(accepted.session.session, "ab-Z");
  EXPECT_FALSE(accepted.session.show_states);
}

TEST(Upgrade, NamesAndValuesOfFieldsAreReadAsHttpSays) {
  HttpRequest request = request_for("/ws");
  request.fields = {{"HOST", "a"},
                    {"connection", "close"},
                    {"CONNECTION", " upgrade "},
                    {"upgrade", "h2c, WebSocket"},
                    {"sec-websocket-version", " 13 "},
                    {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
                    {"Sec-WebSocket-Protocol", "chat"},
                    {"sec-websocket-protocol", "\t other ,interlock.v1"}};
  accept(request);
}

struct Refusal {
  std::string name;
  HttpRequest request;
  std::uint16_t http;
  std::uint16_t code;
  std::string reason;
  bool a_browser_sees_the_code = true;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

class Refused : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refused, AsTheTableSays) {
  const Refusal& expected = GetParam();
  UpgradeRefused refused = refuse(expected.request);
  EXPECT_EQ(refused.answer.http, expected.http);
  EXPECT_EQ(refused.reason, expected.reason);
  EXPECT_FALSE(refused.form.browser);

  HttpRequest from_a_browser = expected.request;
  from_a_browser.fields.push_back({"Origin", "https://example.com"});
  refused = refuse(from_a_browser);
  EXPECT_EQ(refused.form.browser, expected.a_browser_sees_the_code);
  if (refused.form.browser) {
    EXPECT_EQ(static_cast<int>(refused.answer.code), expected.code);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Handshake, Refused,
    ::testing::Values(
        Refusal{"path", request_for("/"), 404, 0, "wrong_path", false},
        Refusal{"longer_path", request_for("/ws/"), 404, 0, "wrong_path", false},
        Refusal{"no_target", request_for(""), 404, 0, "wrong_path", false},
        Refusal{"method", {"POST", "/ws", 11, Fields().list}, 426, 0, "not_an_upgrade", false},
        Refusal{"version", {"GET", "/ws", 10, Fields().list}, 426, 0, "not_an_upgrade", false},
        Refusal{"connection", request_for("/ws", Fields().set("Connection", "upgrades")), 426, 0,
                "not_an_upgrade", false},
        Refusal{"upgrade", request_for("/ws", Fields().drop("Upgrade")), 426, 0, "not_an_upgrade",
                false},
        Refusal{"websocket_version", request_for("/ws", Fields().set("Sec-WebSocket-Version", "8")),
                426, 0, "websocket_version", false},
        Refusal{"no_key", request_for("/ws", Fields().drop("Sec-WebSocket-Key")), 400, 0,
                "bad_handshake", false},
        Refusal{"short_key", request_for("/ws", Fields().set("Sec-WebSocket-Key", "dGhl==")), 400,
                0, "bad_handshake", false},
        Refusal{"no_host", request_for("/ws", Fields().drop("Host")), 400, 0, "bad_handshake",
                false}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Session, Refused,
    ::testing::Values(
        Refusal{"no_subprotocol", request_for("/ws", Fields().drop("Sec-WebSocket-Protocol")), 400,
                4504, "no_subprotocol"},
        Refusal{"other_subprotocol",
                request_for("/ws",
                            Fields().set("Sec-WebSocket-Protocol", "interlock.v2, Interlock.v1")),
                400, 4504, "no_subprotocol"},
        Refusal{"empty_session", request_for("/ws?session="), 400, 4504, "bad_session"},
        Refusal{"session_without_value", request_for("/ws?session"), 400, 4504, "bad_session"},
        Refusal{"another_key", request_for("/ws?session=a%3Ab"), 400, 4504, "bad_session"},
        Refusal{"nul_in_session", request_for("/ws?session=a%00"), 400, 4504, "bad_session"},
        Refusal{"plus_in_session", request_for("/ws?session=a+b"), 400, 4504, "bad_session"},
        Refusal{"session_too_long",
                request_for("/ws?session=0123456789012345678901234567890123456789012345678901234567"
                            "8901234"),
                400, 4504, "bad_session"},
        Refusal{"session_twice", request_for("/ws?session=a&session=a"), 400, 4504, "bad_query"},
        Refusal{"encoded_name_twice", request_for("/ws?gen=1&g%65n=2"), 400, 4504, "bad_query"},
        Refusal{"cut_encoding", request_for("/ws?session=a%4"), 400, 4504, "bad_query"},
        Refusal{"bad_encoding", request_for("/ws?session=%4g"), 400, 4504, "bad_query"},
        Refusal{"no_number", request_for("/ws?last_seq="), 400, 4504, "bad_query"},
        Refusal{"negative", request_for("/ws?last_seq=-1"), 400, 4504, "bad_query"},
        Refusal{"no_seq_gen", request_for("/ws?last_seq=1&seq_gen=x"), 400, 4504, "bad_query"},
        Refusal{"signed_number", request_for("/ws?gen=%2B1"), 400, 4504, "bad_query"},
        Refusal{"fraction", request_for("/ws?try=1.0"), 400, 4504, "bad_query"},
        Refusal{"hexadecimal", request_for("/ws?gen=0x1"), 400, 4504, "bad_query"},
        Refusal{"space", request_for("/ws?gen=%201"), 400, 4504, "bad_query"},
        Refusal{"too_large", request_for("/ws?gen=18446744073709551616"), 400, 4504, "bad_query"},
        Refusal{"states", request_for("/ws?states=yes"), 400, 4504, "bad_query"}),
    [](const auto& info) { return info.param.name; });

// ---- tokens ----

class UpgradeWithTokens : public ::testing::Test {
 protected:
  UpgradeWithTokens() {
    policy_.verifier = &verifier_;
  }
  static Fields with_header(std::string_view token, std::string& value) {
    value = "Bearer " + std::string(token);
    return Fields().set("Authorization", value);
  }
  static Fields with_subprotocol(std::string_view token, std::string& value) {
    value = "interlock.v1, bearer." + std::string(token);
    return Fields().set("Sec-WebSocket-Protocol", value);
  }

  TokenVerifier verifier_ = TokenVerifier::from_hs256_key(token_vectors::secret).value();
  UpgradePolicy policy_;
  std::string value_;
};

TEST_F(UpgradeWithTokens, TheSubjectOfAHeaderTokenIsHalfOfTheKey) {
  const UpgradeAccepted accepted =
      accept(request_for("/ws?session=s", with_header(token_vectors::good, value_)), policy_);
  EXPECT_EQ(accepted.session.subject, "alice@example.com");
  EXPECT_EQ(accepted.session.key, "alice@example.com:s");
  EXPECT_EQ(accepted.token_expires_at, signed_at + 3600);
  EXPECT_FALSE(accepted.form.browser);
}

TEST_F(UpgradeWithTokens, TheSchemeIsReadInAnyCase) {
  const std::string value = "bEARER   " + std::string(token_vectors::good);
  accept(request_for("/ws", Fields().set("Authorization", value)), policy_);
}

TEST_F(UpgradeWithTokens, ABrowserPutsItsTokenBesideTheSubprotocol) {
  const UpgradeAccepted accepted =
      accept(request_for("/ws", with_subprotocol(token_vectors::good, value_)), policy_);
  EXPECT_EQ(accepted.session.subject, "alice@example.com");
  EXPECT_TRUE(accepted.form.browser);
  EXPECT_EQ(accepted.form.subprotocol, "interlock.v1");
}

TEST_F(UpgradeWithTokens, TheHeaderWinsOverTheSubprotocol) {
  Fields fields = with_subprotocol(token_vectors::good, value_);
  const std::string header = "Bearer " + std::string(token_vectors::other_key);
  const UpgradeRefused refused =
      refuse(request_for("/ws", fields.set("Authorization", header)), policy_);
  EXPECT_EQ(refused.reason, "bad_token");
}

TEST_F(UpgradeWithTokens, NoTokenAndABadOneAreUnauthorized) {
  const UpgradeRefused none = refuse(request_for("/ws"), policy_);
  EXPECT_EQ(none.answer.http, 401);
  EXPECT_EQ(none.answer.code, CloseCode::kUnauthorized);
  EXPECT_EQ(none.reason, "no_token");

  const UpgradeRefused basic =
      refuse(request_for("/ws", Fields().set("Authorization", "Basic YTpi")), policy_);
  EXPECT_EQ(basic.reason, "no_token");

  const UpgradeRefused forged =
      refuse(request_for("/ws", with_header(token_vectors::other_key, value_)), policy_);
  EXPECT_EQ(forged.answer.http, 401);
  EXPECT_EQ(forged.answer.code, CloseCode::kUnauthorized);
  EXPECT_EQ(forged.reason, "bad_token");

  const UpgradeRefused unsigned_token =
      refuse(request_for("/ws", with_subprotocol(token_vectors::none, value_)), policy_);
  EXPECT_EQ(unsigned_token.answer.code, CloseCode::kUnauthorized);
  EXPECT_TRUE(unsigned_token.form.browser);
}

TEST_F(UpgradeWithTokens, AnExpiredTokenSendsTheClientForAFreshOne) {
  const UpgradeRefused refused =
      refuse(request_for("/ws", with_header(token_vectors::good, value_)), policy_,
             signed_at + 3600 + clock_skew_seconds + 1);
  EXPECT_EQ(refused.answer.http, 401);
  EXPECT_EQ(refused.answer.code, CloseCode::kTokenExpired);
  EXPECT_EQ(refused.reason, "token_expired");
}

TEST_F(UpgradeWithTokens, ARevokedSubjectIsRefusedForGood) {
  policy_.is_revoked = [](std::string_view subject) { return subject == "alice@example.com"; };
  const UpgradeRefused refused =
      refuse(request_for("/ws", with_header(token_vectors::good, value_)), policy_);
  EXPECT_EQ(refused.answer.http, 403);
  EXPECT_EQ(refused.answer.code, CloseCode::kUnauthorized);
  EXPECT_EQ(refused.reason, "revoked");
  policy_.is_revoked = [](std::string_view) { return false; };
  accept(request_for("/ws", with_header(token_vectors::good, value_)), policy_);
}

// What a client was told is for good would be so although nothing is wrong with its token.
TEST_F(UpgradeWithTokens, WithoutTheIssuersKeysTheClientIsToComeBack) {
  class NoKeys final : public KeySource {
   public:
    std::shared_ptr<const KeySet> keys() const override { return nullptr; }
  };
  const TokenVerifier verifier(std::make_shared<NoKeys>());
  policy_.verifier = &verifier;
  const UpgradeRefused refused =
      refuse(request_for("/ws", with_header(token_vectors::good, value_)), policy_);
  EXPECT_EQ(refused.answer.http, 503);
  EXPECT_EQ(refused.answer.code, CloseCode::kNotNow);
  EXPECT_EQ(refused.answer.after_ms, 2'000u);
  EXPECT_EQ(refused.reason, "no_keys");
}

TEST_F(UpgradeWithTokens, WhoIsUnauthorizedLearnsNothingAboutTheQuery) {
  const UpgradeRefused refused = refuse(request_for("/ws?session=a%3Ab"), policy_);
  EXPECT_EQ(refused.answer.http, 401);
}

TEST(Upgrade, ABrowserThatOffersSomethingElseIsAnsweredWithIt) {
  // Browsers fail the connection when none of what they offered is selected, and then the close
  // code would be lost; a token is never repeated.
  const UpgradeRefused refused =
      refuse(request_for("/ws", Fields().set("Sec-WebSocket-Protocol", "bearer.secret, chat, v2")));
  EXPECT_TRUE(refused.form.browser);
  EXPECT_EQ(refused.form.subprotocol, "chat");

  const UpgradeRefused token_only =
      refuse(request_for("/ws", Fields().set("Sec-WebSocket-Protocol", "bearer.secret")));
  EXPECT_EQ(token_only.form.subprotocol, "");
}

// ---- how it is said ----

TEST(Refusal, IsAnHttpAnswerWithWhatTheClientMayDo) {
  RefuseUpgrade refusal;
  refusal.http = 429;
  refusal.code = CloseCode::kNotNow;
  refusal.after_ms = 1001;
  refusal.message = "Say \"later\".";
  const HttpAnswer answer = http_refusal(refusal);
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_THAT(answer.body, HasSubstr(R"("code":4006,"name":"not_now")"));
  EXPECT_THAT(answer.body, HasSubstr(R"("message":"Say \"later\".","after_ms":1001})"));
  EXPECT_THAT(answer.fields, ElementsAre(Pair("Retry-After", "2")));
}

TEST(Refusal, SaysHowToDoItRight) {
  RefuseUpgrade refusal;
  refusal.http = 401;
  EXPECT_THAT(http_refusal(refusal).fields, ElementsAre(Pair("WWW-Authenticate", "Bearer")));
  refusal.http = 426;
  EXPECT_THAT(http_refusal(refusal).fields,
              ElementsAre(Pair("Upgrade", "websocket"), Pair("Sec-WebSocket-Version", "13")));
}

TEST(Refusal, FitsIntoACloseFrame) {
  RefuseUpgrade refusal;
  refusal.code = CloseCode::kStaleAttempt;
  refusal.current_generation = 1'700'000'000'000'123;
  EXPECT_THAT(close_reason(refusal), StartsWith("stale_attempt; generation=1700000000000123"));
  refusal.message = std::string(200, 'x');
  EXPECT_EQ(close_reason(refusal).size(), 123u);
  EXPECT_THAT(close_reason(refusal), EndsWith("xxx"));
}

TEST(Upgrade, ATraceparentIsTakenAlongUnlessThereAreTwo) {
  Fields fields;
  EXPECT_EQ(accept(request_for("/ws", fields)).traceparent, "");
  fields.list.push_back({"TraceParent", " of the client "});
  EXPECT_EQ(accept(request_for("/ws", fields)).traceparent, "of the client");
  fields.list.push_back({"traceparent", "of somebody else"});
  EXPECT_EQ(accept(request_for("/ws", fields)).traceparent, "");
}

}  // namespace
}  // namespace interlock
