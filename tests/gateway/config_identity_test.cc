// The settings of who proves what to whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/flags/reflection.h"
#include "common/identity.h"
#include "gateway/config.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using ::testing::HasSubstr;

// Each reading finds the flags at their defaults, and leaves them so.
class ConfigIdentity : public ::testing::Test {
 protected:
  static absl::StatusOr<GatewayConfig> read(const std::vector<std::string>& arguments) {
    const absl::FlagSaver saver;
    std::vector<const char*> argv = {"/usr/bin/interlock-gateway"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    return read_gateway_config(static_cast<int>(argv.size()), argv.data(), {});
  }
  static std::string refusal(const std::vector<std::string>& arguments) {
    return std::string(read(arguments).status().message());
  }
  std::string file_with(const std::string& content) const {
    const std::string path = scratch_.path() + "/" + make_identity();
    std::ofstream(path) << content;
    return path;
  }

  const ScratchDirectory scratch_;
};

TEST_F(ConfigIdentity, AnIssuersTokensAreTakenOnlyIfTheyAreMeantForUs) {
  const std::string jwks = "--auth_jwks=https://keys.test/";
  const std::string issuer = "--auth_issuer=https://issuer.test";
  const std::string audience = "--auth_audience=a,b";
  const auto config = read({jwks, issuer, audience});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->expectations.audiences, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(config->expectations.expiry_required);
  EXPECT_FALSE(config->open || config->verifier);
  EXPECT_THAT(refusal({jwks, issuer}), HasSubstr("--auth_audience"));
  EXPECT_THAT(refusal({jwks, audience}), HasSubstr("--auth_issuer"));
  EXPECT_THAT(refusal({"--auth_jwks=http://keys.test/", issuer, audience}), HasSubstr("https://"));
  const std::string key =
      "--auth_key_file=" + file_with("an-example-secret-of-forty-one-characters");
  EXPECT_THAT(refusal({jwks, issuer, audience, key}), HasSubstr("one of the two"));
  EXPECT_THAT(refusal({"--auth=none", jwks}), HasSubstr("no use"));
  EXPECT_THAT(refusal({"--auth=none", "--revoked_subjects_file=/list"}), HasSubstr("no use"));
}

TEST_F(ConfigIdentity, AnIdTokenIsForTheCoordinatorAndNeverSentInPlain) {
  const std::string metadata = "--coordinator_identity=metadata";
  const auto config =
      read({"--auth=none", metadata, "--coordinator=https://coordinator.test:8443,127.0.0.1:1"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->metadata->audience, "https://coordinator.test");
  EXPECT_EQ(config->metadata->url, "http://metadata.google.internal");
  EXPECT_THAT(refusal({"--auth=none", metadata, "--coordinator=10.0.0.1:7400"}),
              HasSubstr("must be https://"));
  EXPECT_THAT(refusal({"--auth=none", metadata, "--coordinator=https://a.test,b.test:7400"}),
              HasSubstr("must be https://"));
  EXPECT_THAT(refusal({"--auth=none", metadata}), HasSubstr("--coordinator_audience"));
  EXPECT_EQ(read({"--auth=none", metadata, "--coordinator_audience=x"})->metadata->audience, "x");
  EXPECT_THAT(refusal({"--auth=none", metadata, "--coordinator_audience=x",
                       "--metadata_url=http://other.test"}),
              HasSubstr("--metadata_url"));
}

TEST_F(ConfigIdentity, OneWayToProveItselfIsEnoughAndNeedsItsFiles) {
  const std::string token = "--coordinator_token_file=" + file_with("token");
  const std::string pem = file_with("pem");
  const std::string tls = "--coordinator=https://a.test";
  EXPECT_EQ(read({"--auth=none", token})->coordinator_token, "token");
  EXPECT_THAT(refusal({"--auth=none", "--coordinator_identity=token_file"}),
              HasSubstr("belong together"));
  for (const char* other : {"none", "metadata", "mtls"}) {
    EXPECT_THAT(refusal({"--auth=none", token, std::string("--coordinator_identity=") + other}),
                HasSubstr("belong together"))
        << other;
  }
  EXPECT_THAT(refusal({"--auth=none", "--coordinator_identity=password"}), HasSubstr("it takes"));

  const std::vector<std::string> mtls = {"--auth=none", tls, "--coordinator_identity=mtls",
                                         "--coordinator_cert_file=" + pem,
                                         "--coordinator_key_file=" + pem};
  EXPECT_EQ(read(mtls)->coordinator_cert_file, pem);
  EXPECT_THAT(refusal({mtls.begin(), mtls.end() - 1}), HasSubstr("something of them is missing"));
  EXPECT_THAT(refusal({"--auth=none", tls, "--coordinator_cert_file=" + pem,
                       "--coordinator_key_file=" + pem}),
              HasSubstr("something of them is missing"));
  EXPECT_THAT(refusal({"--auth=none", "--coordinator_ca_file=" + pem}), HasSubstr("https://"));
  EXPECT_FALSE(read({"--auth=none", tls, "--coordinator_ca_file=/no/such/file"}).ok());
}

TEST_F(ConfigIdentity, ACertificateOfTheListenerNeedsItsKey) {
  EXPECT_THAT(refusal({"--auth=none", "--tls_cert_file=/cert"}), HasSubstr("belong together"));
  EXPECT_THAT(refusal({"--auth=none", "--tls_key_file=/key"}), HasSubstr("belong together"));
  EXPECT_EQ(read({"--auth=none", "--tls_cert_file=/cert", "--tls_key_file=/key"})->tls_key_file,
            "/key");
}

// With none of its own the coordinator asks nobody for one.
TEST_F(ConfigIdentity, TheHttpApiIsServedWhereThisGatewayProvesItself) {
  const std::string key =
      "--auth_key_file=" + file_with("an-example-secret-of-forty-one-characters");
  EXPECT_FALSE(read({key})->http_api);
  EXPECT_TRUE(
      read({key, "--coordinator=https://a.test", "--coordinator_identity=metadata"})->http_api);
}

}  // namespace
}  // namespace interlock
