#include "coordinator/config.h"

#include <gtest/gtest.h>

#include <vector>

namespace interlock {
namespace {

absl::StatusOr<CoordinatorConfig> read(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "interlock-coordinator");
  return read_coordinator_config(static_cast<int>(arguments.size()), arguments.data());
}

// Flags are the process's: a test names every one that it depends on.
TEST(CoordinatorConfig, AuthenticationIsOnUnlessItIsSwitchedOffOnLoopback) {
  EXPECT_FALSE(read({"--auth=token", "--listen=127.0.0.1:7400", "--token_file="}).ok());
  EXPECT_TRUE(read({"--auth=token", "--token_file=/tokens"}).ok());
  EXPECT_TRUE(read({"--auth=none", "--listen=127.0.0.1:7400"}).ok());
  const auto open_to_all = read({"--auth=none", "--listen=0.0.0.0:7400"});
  ASSERT_FALSE(open_to_all.ok());
  EXPECT_NE(open_to_all.status().message().find("loopback"), std::string::npos);
  EXPECT_FALSE(read({"--auth=maybe", "--listen=127.0.0.1:7400"}).ok());
}

TEST(CoordinatorConfig, EachWayToProveWhoOneIsNeedsWhatItRestsOn) {
  const auto refusal = [](std::vector<const char*> changed) {
    std::vector<const char*> arguments = {
        "--auth=jwt", "--listen=0.0.0.0:7400", "--token_file=", "--roles_file=/roles",
        "--auth_jwks=https://keys.test/", "--auth_issuer=https://issuer.test",
        "--auth_audience=https://a.test,https://b.test", "--tls_cert_file=", "--tls_key_file=",
        "--tls_client_ca_file="};
    arguments.insert(arguments.end(), changed.begin(), changed.end());
    return std::string(read(arguments).status().message());
  };
  const auto config = read({"--auth=jwt", "--listen=0.0.0.0:7400", "--roles_file=/roles",
                            "--auth_jwks=https://keys.test/", "--auth_issuer=https://issuer.test",
                            "--auth_audience=https://a.test,https://b.test"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->identity.audiences.size(), 2u);
  EXPECT_TRUE(config->identity.jwt && !config->identity.open);
  EXPECT_EQ(refusal({}), "");
  for (const auto& [changed, name] : std::vector<std::pair<const char*, const char*>>{
           {"--auth_issuer=", "--auth_issuer"},
           {"--auth_audience=,", "--auth_audience"},
           {"--auth_jwks=", "--auth_jwks"},
           {"--auth_jwks=http://keys.test/", "https://"},
           {"--roles_file=", "--roles_file"},
           {"--auth=jwt,token", "--token_file"},
           {"--auth=jwt,none", "none alone"},
           {"--auth=", "none alone"},
           {"--auth=mtls", "--tls_client_ca_file"},
           {"--tls_cert_file=/cert", "--tls_key_file"}}) {
    EXPECT_NE(refusal({changed}).find(name), std::string::npos) << changed << refusal({changed});
  }
  EXPECT_NE(refusal({"--tls_client_ca_file=/ca", "--auth=mtls"}).find("--tls_cert_file"),
            std::string::npos);
  EXPECT_EQ(refusal({"--auth=mtls", "--tls_client_ca_file=/ca", "--tls_cert_file=/cert",
                     "--tls_key_file=/key"}),
            "");
  read({"--auth=none", "--listen=127.0.0.1:7400", "--tls_client_ca_file=", "--tls_cert_file=",
        "--tls_key_file="}).IgnoreError();
}

TEST(CoordinatorConfig, NonsenseIsRefusedByTheNameOfItsFlag) {
  const auto refused = [](std::vector<const char*> arguments, const char* name) {
    arguments.push_back("--auth=none");
    const auto config = read(arguments);
    ASSERT_FALSE(config.ok()) << arguments.front();
    EXPECT_NE(config.status().message().find(name), std::string::npos) << config.status();
  };
  refused({"--listen=7400"}, "--listen");
  refused({"--listen=127.0.0.1:7400", "--http_listen=here"}, "--http_listen");
  refused({"--http_listen=127.0.0.1:7401", "--outbox_events_max=0"}, "outbox_events_max");
  refused({"--outbox_events_max=1000", "--outbox_bytes_max=1"}, "outbox_bytes_max");
  refused({"--outbox_bytes_max=1048576", "--heartbeat=1ms"}, "heartbeat");
  refused({"--heartbeat=5s", "--log_level=loud"}, "loud");
  refused({"--log_level=info", "--otlp_endpoint=here"}, "--otlp_endpoint");
  refused({"--otlp_endpoint=", "stray"}, "stray");
}

}  // namespace
}  // namespace interlock
