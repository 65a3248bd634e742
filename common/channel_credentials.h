// How a program proves itself, and whom it believes, on a gRPC channel with TLS.
#pragma once

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "absl/status/status.h"

namespace interlock {

// Files in PEM format, read again within channel_tls_refresh_s when they have changed; connections
// that there are go on.
struct ChannelTls {
  std::string ca_file;    // authorities that vouch for the peer; empty: the system's
  std::string cert_file;  // our own certificate and its chain, and its key; empty: none is shown
  std::string key_file;

  bool empty() const { return ca_file.empty() && cert_file.empty(); }
};
inline constexpr unsigned channel_tls_refresh_s = 5;

// The files can be read, and a certificate has its key; otherwise a sentence.
absl::Status check(const ChannelTls& tls);

// The peer must prove the name that it is called by, by the system's certificate authorities
// (GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: by others) where `tls` names none.
std::shared_ptr<grpc::ChannelCredentials> tls_credentials(const ChannelTls& tls);

}  // namespace interlock
