#include "common/channel_credentials.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "common/small_file.h"

namespace interlock {
namespace {

constexpr std::size_t pem_bytes_max = std::size_t{1024} * 1024;

}  // namespace

absl::Status check(const ChannelTls& tls) {
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    return absl::InvalidArgumentError(
        "A certificate and its key belong together; one of the two files is missing.");
  }
  absl::Status status;
  for (const std::string& path : {tls.ca_file, tls.cert_file, tls.key_file}) {
    if (!path.empty()) status.Update(read_small_file(path, pem_bytes_max).status());
  }
  return status;
}

std::shared_ptr<grpc::ChannelCredentials> tls_credentials(const ChannelTls& tls) {
  if (tls.empty()) return grpc::SslCredentials(grpc::SslCredentialsOptions());
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          tls.key_file, tls.cert_file, tls.ca_file, channel_tls_refresh_s));
  if (!tls.ca_file.empty()) options.watch_root_certs();
  if (!tls.cert_file.empty()) options.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace interlock
