#include "gateway/metadata_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <mutex>
#include <string>
#include <thread>

#include "common/token.h"
#include "tests/gateway/webhook_server.h"
#include "tests/support/issuer.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

const std::string audience = "https://coordinator.test";

template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class MetadataIdentityTest : public testing::Test {
 protected:
  std::string token(std::int64_t expires_in_s, const std::string& meant = audience) const {
    return issuer_.sign(R"({"sub":"1","aud":")" + meant + R"(","exp":)" +
                        std::to_string(std::time(nullptr) + expires_in_s) + "}");
  }
  void say(int status, const std::string& body) {
    const std::lock_guard lock(mutex_);
    answer_ = http_response(status, "Metadata-Flavor: Google\r\n", body);
  }
  MetadataIdentitySettings settings() const {
    MetadataIdentitySettings settings;
    settings.url = server_.url("");
    settings.audience = audience;
    settings.timeout = 2s;
    settings.refresh.retry_initial_ms = 5;
    settings.refresh.retry_max_ms = 20;
    settings.refresh.refused_gap_ms = 0;
    return settings;
  }
  double refreshes(const std::string& result) {
    return metrics_.counter("interlock_identity_refreshes_total", "", {{"result", result}}).Value();
  }
  static std::string why_none(const MetadataIdentity& identity) {
    return std::string(identity.token().status().message());
  }

  const Issuer issuer_{"google", "ES256"};
  Metrics metrics_;
  std::mutex mutex_;
  std::string answer_ = http_response(503);
  bool silent_ = false;
  WebhookServer server_{[this](const WebhookRequest&, const WebhookWrite& write) {
    if (silent_) {
      while (!server_.stopping()) std::this_thread::yield();
      return;
    }
    std::string text;
    {
      const std::lock_guard lock(mutex_);
      text = answer_;
    }
    write(text);
  }};
};

TEST_F(MetadataIdentityTest, AsksAsGoogleSaysAndHasTheTokenAtHand) {
  const std::string good = token(3600);
  say(200, good + "\n");
  const MetadataIdentity identity(settings(), metrics_);
  ASSERT_TRUE(eventually([&] { return identity.token().ok(); }));
  EXPECT_EQ(*identity.token(), good);
  const WebhookRequest request = server_.requests().front();
  EXPECT_EQ(request.line,
            "GET /computeMetadata/v1/instance/service-accounts/default/identity?format=full"
            "&audience=https%3A%2F%2Fcoordinator.test HTTP/1.1");
  EXPECT_EQ(request.fields.at("metadata-flavor"), "Google");
  identity.show();
  EXPECT_GT(metrics_.gauge("interlock_identity_left_seconds", "").Value(), 3500);
}

TEST_F(MetadataIdentityTest, WhatIsOfNoUseIsNotTakenAndItIsSaidWhy) {
  const MetadataIdentity identity(settings(), metrics_);
  EXPECT_FALSE(identity.proven());
  for (const auto& [status, body, why] : std::vector<std::tuple<int, std::string, const char*>>{
           {404, "", "status 404"},
           {200, "<html>", "something else"},
           {200, token(-3600), "expired already"},
           {200, token(3600, "https://other.test"), "another audience"},
           {302, "", "status 302"},
           {200, std::string(3 * token_bytes_max, 'x'), "cannot be asked"}}) {
    say(status, body);
    EXPECT_TRUE(eventually([&, why = why] {
      return why_none(identity).find(why) != std::string::npos;
    })) << why
        << ": " << why_none(identity);
  }
  EXPECT_GE(refreshes("failed"), 6);
  EXPECT_EQ(refreshes("ok"), 0);
  say(200, token(3600));
  EXPECT_TRUE(eventually([&] { return identity.proven(); }));
}

TEST_F(MetadataIdentityTest, TheOldTokenIsUsedUntilItReallyEnds) {
  MetadataIdentitySettings short_lived = settings();
  short_lived.refresh.skew_ms = 0;
  const std::string good = token(2);
  say(200, good);
  const MetadataIdentity identity(short_lived, metrics_);
  ASSERT_TRUE(eventually([&] { return identity.token().ok(); }));
  say(500, "");
  EXPECT_TRUE(eventually([&] { return refreshes("failed") >= 2; }));
  EXPECT_EQ(identity.token().value_or(""), good);
  EXPECT_TRUE(eventually([&] { return !identity.token().ok(); }));
  EXPECT_THAT(why_none(identity), HasSubstr("no ID token to show"));
  EXPECT_TRUE(identity.proven());
}

TEST_F(MetadataIdentityTest, ARefusedTokenIsFetchedAnew) {
  say(200, token(3600));
  MetadataIdentity identity(settings(), metrics_);
  ASSERT_TRUE(eventually([&] { return identity.token().ok(); }));
  const std::string other = token(3000);
  say(200, other);
  identity.refused();
  EXPECT_TRUE(eventually([&] { return *identity.token() == other; }));
}

TEST_F(MetadataIdentityTest, ASlowServerHoldsUpNobody) {
  silent_ = true;
  MetadataIdentitySettings slow = settings();
  slow.timeout = 60s;
  const auto begin = std::chrono::steady_clock::now();
  {
    const MetadataIdentity identity(slow, metrics_);
    ASSERT_TRUE(eventually([&] { return !server_.requests().empty(); }));
    EXPECT_FALSE(identity.token().ok());
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

}  // namespace
}  // namespace interlock
