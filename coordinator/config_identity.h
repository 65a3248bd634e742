// Who may call the coordinator, and how its own listener proves itself. A part of config.h.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/host_port.h"

namespace interlock {

struct IdentityConfig {
  bool open = false;  // --auth=none
  std::string token_file;  // empty: tokens of a file are not taken
  bool jwt = false;
  std::string jwks;  // a file or a URL
  std::string issuer;
  std::vector<std::string> audiences;
  bool certificates = false;  // mtls
  std::string roles_file;
  std::string tls_cert_file;  // empty: the listener is plain
  std::string tls_key_file;
  std::string tls_client_ca_file;
};

extern const std::vector<std::string> identity_flags;
// From the flags; a sentence for the person who typed them.
absl::Status read_identity(const HostPort& listen, IdentityConfig& config);

}  // namespace interlock
