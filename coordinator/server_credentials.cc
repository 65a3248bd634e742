#include "coordinator/server_credentials.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "common/small_file.h"

namespace interlock {
namespace {

constexpr std::size_t pem_bytes_max = std::size_t{1024} * 1024;

// gRPC would only say that it could not listen.
absl::Status check_files(const IdentityConfig& config) {
  absl::Status status;
  for (const std::string& path :
       {config.tls_cert_file, config.tls_key_file, config.tls_client_ca_file}) {
    if (path.empty()) continue;
    const auto text = read_small_file(path, pem_bytes_max);
    status.Update(text.status());
    if (text.ok() && text->find("-----BEGIN ") == std::string::npos) {
      status.Update(absl::InvalidArgumentError("The file " + path + " is not in PEM format."));
    }
  }
  return status;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> make_server_credentials(
    const IdentityConfig& config) {
  if (config.tls_cert_file.empty()) return grpc::InsecureServerCredentials();
  if (absl::Status checked = check_files(config); !checked.ok()) return checked;
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          config.tls_key_file, config.tls_cert_file, config.tls_client_ca_file, tls_refresh_s));
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  if (config.certificates) {
    const bool needed = config.token_file.empty() && !config.jwt;
    options.watch_root_certs();
    options.set_cert_request_type(needed
                                      ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                      : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace interlock
