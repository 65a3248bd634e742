// What the person who starts a gateway wants of it, checked.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/host_port.h"
#include "common/log.h"
#include "common/settings.h"
#include "common/token.h"
#include "common/trace_settings.h"
#include "gateway/attachment_limits.h"
#include "gateway/lane.h"

namespace interlock {

// Where ID tokens come from, and for whom they are.
struct MetadataSettings {
  std::string url;
  std::string audience;
};

struct GatewayConfig {
  HostPort listen;       // clients
  HostPort http_listen;  // health and metrics
  std::vector<std::string> coordinators;  // host:port or https://host:port, at least one
  std::string coordinator_token;          // empty: none
  std::string coordinator_token_file;     // that it is read from again; empty: none
  std::optional<MetadataSettings> metadata;  // instead of the token; none: not on Google Cloud
  std::string coordinator_ca_file;        // empty: the system's authorities
  std::string coordinator_cert_file;      // empty: no certificate is shown
  std::string coordinator_key_file;
  std::optional<std::string> backend;     // host:port, or a webhook's URL
  std::string backend_token;              // empty: none
  std::string webhook_key;                // empty: the backend is no webhook
  std::string webhook_ca_file;            // empty: the system's authorities
  bool open = false;                      // --auth=none
  std::optional<TokenVerifier> verifier;  // none: that is so, or the keys are those of auth_jwks
  std::string auth_jwks;                  // a file or a URL; empty: none
  TokenExpectations expectations;         // of clients' tokens
  std::string revoked_subjects_file;      // empty: none
  std::string tls_cert_file;              // empty: the listener is plain
  std::string tls_key_file;
  v1::Policy duplicates = v1::TAKE_OVER;
  bool http_api = false;  // whether the HTTP API is served
  StaticFiles files;
  LogLevel log_level = LogLevel::info;
  TraceSettings traces;
  std::size_t threads = 1;
  std::chrono::milliseconds drain_budget{8'000};
  ListenerLimits limits;
  AttachmentLimits attachment;
};

// The token in a file; empty: no file was named. The status is a sentence.
absl::StatusOr<std::string> read_token(const std::string& path);

// From flags, PORT and INTERLOCK_*; the files that they name are read. The status is a sentence for
// the person who typed it.
absl::StatusOr<GatewayConfig> read_gateway_config(
    int argc, const char* const* argv, const Environment& environment = process_environment());

}  // namespace interlock
