#include "common/jwks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>

#include "tests/gateway/webhook_server.h"
#include "tests/support/issuer.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::int64_t now = 1700000000;
const std::string alice = R"({"sub":"alice","exp":1700003600})";

template <typename Condition>
bool eventually(Condition condition, std::chrono::milliseconds within = 10s) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// What a key server says, which a test may change at any time.
class KeyServer {
 public:
  std::string url() const { return server_.url("/keys"); }
  std::size_t requests() const { return server_.requests().size(); }
  void say(std::string answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  void publish(const std::vector<std::string>& keys) {
    say(http_response(200, "", Issuer::key_set(keys)));
  }
  void fall_silent() { silent_ = true; }

 private:
  void answer(const WebhookWrite& write) {
    if (silent_) {
      eventually([this] { return server_.stopping(); }, 60s);
      return;
    }
    std::string text;
    {
      const std::lock_guard lock(mutex_);
      text = answer_;
    }
    write(text);
  }

  std::mutex mutex_;
  std::string answer_ = http_response(503);
  std::atomic<bool> silent_ = false;
  WebhookServer server_{
      [this](const WebhookRequest&, const WebhookWrite& write) { answer(write); }};
};

JwksLimits quick() {
  JwksLimits limits;
  limits.refresh = 20ms;
  limits.retry_initial = 5ms;
  limits.retry_max = 20ms;
  limits.timeout = 2s;
  limits.file_poll = 5ms;
  return limits;
}

// Nothing is asked again by itself.
JwksLimits patient() {
  JwksLimits limits = quick();
  limits.refresh = 1h;
  limits.unknown_key_gap = 1h;
  return limits;
}

class JwksTest : public testing::Test {
 protected:
  std::shared_ptr<Jwks> open(const JwksLimits& limits) { return open(server_.url(), limits); }
  std::shared_ptr<Jwks> open(const std::string& location, const JwksLimits& limits) {
    auto opened = Jwks::open(location, metrics_, limits);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *opened;
  }
  static std::string outcome(const std::shared_ptr<Jwks>& jwks, const std::string& token) {
    const TokenVerdict verdict = TokenVerifier(jwks).verify(token, now);
    const auto* verified = std::get_if<VerifiedToken>(&verdict);
    if (verified != nullptr) return verified->subject;
    return std::string(to_string(std::get<TokenRejection>(verdict)));
  }
  double refreshes(const std::string& result) {
    return metrics_.counter("interlock_jwks_refreshes_total", "", {{"result", result}}).Value();
  }
  double age_s(const Jwks& jwks) {
    jwks.show();
    return metrics_.gauge("interlock_jwks_age_seconds", "").Value();
  }

  Issuer first_{"first", "ES256"};
  Issuer second_{"second", "ES256"};
  Metrics metrics_;
  KeyServer server_;
};

TEST_F(JwksTest, KeysOfAUrlAreThereAsSoonAsItAnswers) {
  const auto jwks = open(quick());
  EXPECT_EQ(outcome(jwks, first_.sign(alice)), "no_keys");
  EXPECT_EQ(age_s(*jwks), -1);
  EXPECT_TRUE(eventually([&] { return refreshes("failed") >= 2; }));
  server_.publish({first_.public_key()});
  EXPECT_TRUE(eventually([&] { return outcome(jwks, first_.sign(alice)) == "alice"; }));
  EXPECT_GE(age_s(*jwks), 0);
  EXPECT_TRUE(eventually([&] { return refreshes("unchanged") >= 2; }));
}

TEST_F(JwksTest, AnUnknownKeyIsAskedForAtOnceAndThenNotAgainForAWhile) {
  server_.publish({first_.public_key()});
  const auto jwks = open(patient());
  ASSERT_TRUE(eventually([&] { return outcome(jwks, first_.sign(alice)) == "alice"; }));
  server_.publish({first_.public_key(), second_.public_key()});
  EXPECT_EQ(outcome(jwks, second_.sign(alice)), "key_not_yet_known");
  EXPECT_TRUE(eventually([&] { return outcome(jwks, second_.sign(alice)) == "alice"; }));
  EXPECT_EQ(outcome(jwks, first_.sign(alice)), "alice");

  const std::size_t requests = server_.requests();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(outcome(jwks, first_.sign_as("made-up-" + std::to_string(i), alice)), "unknown_key");
  }
  EXPECT_EQ(server_.requests(), requests);
}

TEST_F(JwksTest, AKeyThatIsTakenOutCountsNoMore) {
  server_.publish({first_.public_key(), second_.public_key()});
  const auto jwks = open(quick());
  ASSERT_TRUE(eventually([&] { return outcome(jwks, first_.sign(alice)) == "alice"; }));
  server_.publish({second_.public_key()});
  EXPECT_TRUE(eventually([&] { return outcome(jwks, first_.sign(alice)) != "alice"; }));
  EXPECT_EQ(outcome(jwks, second_.sign(alice)), "alice");
}

TEST_F(JwksTest, WithoutAnAnswerTheOldKeysServeForAWhileAndNoLonger) {
  server_.publish({first_.public_key()});
  JwksLimits limits = quick();
  limits.stale_max = 500ms;
  const auto jwks = open(limits);
  ASSERT_TRUE(eventually([&] { return outcome(jwks, first_.sign(alice)) == "alice"; }));
  server_.say(http_response(500));
  EXPECT_TRUE(eventually([&] { return refreshes("failed") >= 2; }));
  EXPECT_EQ(outcome(jwks, first_.sign(alice)), "alice");
  EXPECT_TRUE(eventually([&] { return outcome(jwks, first_.sign(alice)) == "no_keys"; }));
  EXPECT_GT(age_s(*jwks), 0.4);
  server_.publish({first_.public_key()});
  EXPECT_TRUE(eventually([&] { return outcome(jwks, first_.sign(alice)) == "alice"; }));
}

TEST_F(JwksTest, WhileTheServerIsAwayAnUnknownKeyMayStillCome) {
  server_.publish({first_.public_key()});
  const auto jwks = open(patient());
  ASSERT_TRUE(eventually([&] { return outcome(jwks, first_.sign(alice)) == "alice"; }));
  server_.say(http_response(503));
  EXPECT_EQ(outcome(jwks, second_.sign(alice)), "key_not_yet_known");
  EXPECT_TRUE(eventually([&] { return refreshes("failed") >= 1; }));
  EXPECT_EQ(outcome(jwks, second_.sign(alice)), "key_not_yet_known");
}

TEST_F(JwksTest, NonsenseChangesNothing) {
  server_.publish({first_.public_key()});
  const auto jwks = open(quick());
  ASSERT_TRUE(eventually([&] { return outcome(jwks, first_.sign(alice)) == "alice"; }));
  const std::string huge(2 * key_set_bytes_max, ' ');
  for (const std::string& answer :
       {http_response(200, "", "<html>garbage"), http_response(200, "", R"({"keys":[]})"),
        http_response(200, "", huge + Issuer::key_set({second_.public_key()})),
        http_response(302, "Location: http://127.0.0.1:1/\r\n"), std::string("garbage\r\n\r\n"),
        http_response(404, "", Issuer::key_set({second_.public_key()}))}) {
    server_.say(answer);
    const double failed = refreshes("failed");
    EXPECT_TRUE(eventually([&] { return refreshes("failed") >= failed + 2; }));
    EXPECT_EQ(outcome(jwks, first_.sign(alice)), "alice") << answer.substr(0, 60);
  }
}

TEST_F(JwksTest, NobodyWaitsForASlowServerNotEvenTheEnd) {
  server_.publish({first_.public_key()});
  JwksLimits limits = quick();
  limits.timeout = 60s;
  auto jwks = open(limits);
  ASSERT_TRUE(eventually([&] { return outcome(jwks, first_.sign(alice)) == "alice"; }));
  server_.fall_silent();
  const std::size_t requests = server_.requests();
  EXPECT_TRUE(eventually([&] { return server_.requests() > requests; }));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(outcome(jwks, first_.sign(alice)), "alice");
  jwks.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST_F(JwksTest, ASlowServerIsGivenUpInTime) {
  server_.fall_silent();
  JwksLimits limits = quick();
  limits.timeout = 50ms;
  const auto jwks = open(limits);
  EXPECT_TRUE(eventually([&] { return refreshes("failed") >= 2; }));
}

TEST_F(JwksTest, AFileIsReadAtOnceAndAgainWhenItChanges) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/keys.json";
  std::ofstream(path) << Issuer::key_set({first_.public_key()});
  const auto jwks = open(path, quick());
  EXPECT_EQ(outcome(jwks, first_.sign(alice)), "alice");
  std::ofstream(path) << "half a fi";
  EXPECT_TRUE(eventually([&] { return refreshes("failed") >= 1; }));
  EXPECT_EQ(outcome(jwks, first_.sign(alice)), "alice");
  std::ofstream(path) << Issuer::key_set({second_.public_key()});
  EXPECT_TRUE(eventually([&] { return outcome(jwks, second_.sign(alice)) == "alice"; }));
  EXPECT_NE(outcome(jwks, first_.sign(alice)), "alice");
}

TEST_F(JwksTest, WhatCannotBeAKeySetIsRefusedAtOnce) {
  EXPECT_FALSE(Jwks::open("/no/such/file", metrics_).ok());
  const auto plain = Jwks::open("http://keys.example.com/", metrics_);
  EXPECT_THAT(std::string(plain.status().message()), HasSubstr("https://"));
}

}  // namespace
}  // namespace interlock
