#include "gateway/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/flags/reflection.h"
#include "common/identity.h"
#include "coordinator/authority/limits.h"
#include "gateway/frames.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Each reading finds the flags at their defaults, and leaves them so.
class Config : public ::testing::Test {
 protected:
  static absl::StatusOr<GatewayConfig> read(std::vector<const char*> arguments,
                                            const Environment& environment = {}) {
    const absl::FlagSaver saver;
    arguments.insert(arguments.begin(), "/usr/bin/interlock-gateway");
    return read_gateway_config(static_cast<int>(arguments.size()), arguments.data(), environment);
  }
  static std::string refusal(const std::vector<const char*>& arguments,
                             const Environment& environment = {}) {
    const auto config = read(arguments, environment);
    EXPECT_FALSE(config.ok());
    return std::string(config.status().message());
  }
  static std::string file_with(const std::string& content) {
    static const ScratchDirectory scratch;
    const std::string path = scratch.path() + "/" + make_identity();
    std::ofstream(path) << content;
    return path;
  }
};

// Who reads at all gets all that a connection can be owed, without being taken for too slow.
TEST_F(Config, AWholeReplayFindsRoomInTheQueueOfASocket) {
  const AuthorityLimits outbox;
  v1::Event event;
  event.set_sequence(1'000'000'000'000);
  event.set_payload("0");
  event.set_type(std::string(64, 't'));
  event.set_run(std::string(outbox.run_name_bytes_max, 'r'));
  event.set_id(event.run() + "/1000000");
  constexpr std::size_t head_bytes = 14;  // RFC 6455, 5.2
  const std::uint64_t frames = outbox.outbox_events_max * (event_frame(event).size() + head_bytes);
  EXPECT_LE(frames + outbox.outbox_bytes_max, read({"--auth=none"})->limits.socket.queue_bytes_max);
}

TEST_F(Config, OnLoopbackItDoesWithoutTokensWhenToldSo) {
  const auto config = read({"--auth=none"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(to_string(config->listen), "127.0.0.1:8080");
  EXPECT_EQ(to_string(config->http_listen), "127.0.0.1:8090");
  EXPECT_THAT(config->coordinators, ElementsAre("127.0.0.1:7400"));
  EXPECT_FALSE(config->backend);
  EXPECT_FALSE(config->verifier);
  EXPECT_GE(config->threads, 1u);
  EXPECT_EQ(config->limits.session.claim_timeout_ms, 1500u);
  EXPECT_EQ(config->limits.shell.age_max_ms, 55u * 60'000);
  EXPECT_EQ(config->attachment.hold_after_ms, 10'000u);
  EXPECT_EQ(config->attachment.give_up_after_ms, 20'000u);
}

TEST_F(Config, HowLongItHoldsCanBeSaid) {
  const auto config = read({"--auth=none", "--hold_after=2s", "--give_up_after=500ms"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->attachment.hold_after_ms, 2'000u);
  EXPECT_EQ(config->attachment.give_up_after_ms, 500u);
}

TEST_F(Config, TracesAreOffUntilSomebodySaysWhereTheyGo) {
  EXPECT_EQ(read({"--auth=none"})->traces.url, "");
  const auto config = read({"--auth=none", "--otlp_endpoint=http://127.0.0.1:4318"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->traces.url, "http://127.0.0.1:4318/v1/traces");
  EXPECT_THAT(refusal({"--auth=none", "--otlp_endpoint=here"}), HasSubstr("--otlp_endpoint"));
  EXPECT_THAT(refusal({"--auth=none", "--trace_sample_ratio=2"}), HasSubstr("0 to 1"));
}

TEST_F(Config, NobodyIsLetInByOmission) {
  EXPECT_THAT(refusal({}), HasSubstr("--auth_key_file"));
  EXPECT_THAT(refusal({"--auth=none", "--listen=0.0.0.0:8080"}), HasSubstr("loopback"));
  EXPECT_THAT(refusal({"--auth=none"}, {{"PORT", "8080"}}), HasSubstr("loopback"));
  EXPECT_THAT(refusal({"--auth=off"}), HasSubstr("jwt or none"));
  const std::string key =
      "--auth_key_file=" + file_with("an-example-secret-of-forty-one-characters");
  EXPECT_THAT(refusal({"--auth=none", key.c_str()}), HasSubstr("no use"));
}

TEST_F(Config, TheHttpApiIsServedWhereSomebodyAsksForTokensOrOnLoopback) {
  const std::string jwt_key =
      "--auth_key_file=" + file_with("an-example-secret-of-forty-one-characters");
  const std::string token = "--coordinator_token_file=" + file_with("token");
  EXPECT_TRUE(read({"--auth=none"})->http_api);
  EXPECT_FALSE(read({jwt_key.c_str()})->http_api);
  EXPECT_TRUE(read({jwt_key.c_str(), token.c_str()})->http_api);
  EXPECT_TRUE(read({jwt_key.c_str(), "--http_api=on"})->http_api);
  EXPECT_FALSE(read({"--auth=none", "--http_api=off"})->http_api);
  EXPECT_THAT(refusal({"--auth=none", "--http_api=yes"}), HasSubstr("on, off or auto"));
}

TEST_F(Config, AWebhookNeedsAKeyAndOffThisMachineTls) {
  const std::string key =
      "--webhook_key_file=" + file_with("a key of twenty-four bytes, or more\n");
  const auto config = read({"--auth=none", "--backend=https://example.com/hook", key.c_str()});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->backend, "https://example.com/hook");
  EXPECT_EQ(config->webhook_key, "a key of twenty-four bytes, or more");
  EXPECT_THAT(refusal({"--auth=none", "--backend=https://example.com/hook"}),
              HasSubstr("--webhook_key_file"));
  EXPECT_THAT(refusal({"--auth=none", "--backend=http://example.com/hook", key.c_str()}),
              HasSubstr("loopback"));
  EXPECT_THAT(refusal({"--auth=none", "--backend=127.0.0.1:7500", key.c_str()}), HasSubstr("URL"));
  const std::string short_key = "--webhook_key_file=" + file_with("short");
  EXPECT_THAT(refusal({"--auth=none", "--backend=https://example.com/", short_key.c_str()}),
              HasSubstr("24 at least"));
  EXPECT_TRUE(read({"--auth=none", "--backend=127.0.0.1:7500"})->webhook_key.empty());
}

TEST_F(Config, AKeyFileMakesItVerifyTokens) {
  const std::string key =
      "--auth_key_file=" + file_with("an-example-secret-of-forty-one-characters");
  const auto config = read({key.c_str()}, {{"PORT", "8081"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(config->verifier);
  EXPECT_EQ(to_string(config->listen), "0.0.0.0:8081");

  const std::string short_key = "--auth_key_file=" + file_with("short");
  EXPECT_FALSE(read({short_key.c_str()}).ok());
  EXPECT_FALSE(read({"--auth_key_file=/nowhere/key"}).ok());
}

TEST_F(Config, SeveralCoordinatorsAndABackend) {
  const std::string token = "--coordinator_token_file=" + file_with("secret\n");
  const auto config = read({"--auth=none", "--coordinator=a:1,b:2", "--backend=c:3", token.c_str(),
                            "--duplicates=reject"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->coordinators, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(config->backend, "c:3");
  EXPECT_EQ(config->coordinator_token, "secret");
  EXPECT_EQ(config->duplicates, v1::REJECT);
}

TEST_F(Config, AnHttpsUrlIsACoordinatorBehindTls) {
  const auto config = read({"--auth=none", "--coordinator=https://a.example,https://b:8443/,"
                                           "https://[::1],https://[::1]:7,c:1"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->coordinators,
              ElementsAre("https://a.example:443", "https://b:8443", "https://[::1]:443",
                          "https://[::1]:7", "c:1"));
}

TEST_F(Config, NonsenseIsRefusedWithASentence) {
  const auto with = [](const char* argument) { return refusal({"--auth=none", argument}); };
  for (const char* url :
       {"--coordinator=http://example.com", "--coordinator=https://",
        "--coordinator=https://example.com/path", "--coordinator=https://example.com:port"}) {
    EXPECT_THAT(with(url), HasSubstr("a URL is https://host or https://host:port")) << url;
  }
  EXPECT_THAT(with("--coordinator="), HasSubstr("--coordinator is empty"));
  EXPECT_THAT(with("--coordinator=a"), HasSubstr("--coordinator does not accept"));
  EXPECT_THAT(with("--coordinator=a:1,,b:2"), HasSubstr("--coordinator does not accept"));
  EXPECT_THAT(with("--backend=here"), HasSubstr("--backend does not accept"));
  EXPECT_THAT(with("--listen=8080"), HasSubstr("--listen does not accept"));
  EXPECT_THAT(with("--duplicates=maybe"), HasSubstr("take_over or reject"));
  EXPECT_THAT(with("--log_level=loud"), HasSubstr("loud"));
  EXPECT_THAT(with("--sessions_max=0"), HasSubstr("--sessions_max is 0; it takes 1 to"));
  EXPECT_THAT(with("--queue_bytes_max=1"), HasSubstr("--queue_bytes_max is 1"));
  EXPECT_THAT(with("--ping_interval=0"), HasSubstr("--ping_interval is 0; it takes 10ms to 1h"));
  EXPECT_THAT(with("--drain_budget=inf"), HasSubstr("--drain_budget"));
  EXPECT_THAT(with("--hold_after=0"), HasSubstr("--hold_after is 0; it takes 100ms to 1h"));
  EXPECT_THAT(with("--give_up_after=2h"), HasSubstr("--give_up_after is 2h; it takes 100ms to"));
  EXPECT_THAT(with("--static_dir=/nowhere"), HasSubstr("/nowhere"));
  EXPECT_THAT(with("extra"), HasSubstr("\"extra\" is not a flag"));
}

}  // namespace
}  // namespace interlock
