#include "coordinator/config_identity.h"

#include <algorithm>

#include "absl/flags/flag.h"
#include "absl/strings/str_split.h"
#include "common/web_url.h"

ABSL_FLAG(std::string, auth, "token",
          "How callers prove who they are: token, jwt and mtls, several of them separated by "
          "commas; or none (everybody is anonymous with all roles; loopback only)");
ABSL_FLAG(std::string, token_file, "",
          "JSON array of {\"token\", \"role\", \"subject\"}, read again when it changes; needed "
          "with --auth=token");
ABSL_FLAG(std::string, roles_file, "",
          "JSON array of {\"email\" or \"subject\" or \"certificate\", \"role\"}, read again when "
          "it changes; needed with --auth=jwt and --auth=mtls");
ABSL_FLAG(std::string, auth_jwks, "",
          "the issuer's public keys for --auth=jwt: a file, or an https:// URL (http:// on "
          "loopback)");
ABSL_FLAG(std::string, auth_issuer, "", "the `iss` of tokens for --auth=jwt");
ABSL_FLAG(std::string, auth_audience, "",
          "the `aud` of tokens for --auth=jwt; several separated by commas");
ABSL_FLAG(std::string, tls_cert_file, "",
          "PEM file with the listener's certificate and its chain, read again when it changes; "
          "empty: the listener is plain, as behind Cloud Run");
ABSL_FLAG(std::string, tls_key_file, "", "PEM file with the key of --tls_cert_file");
ABSL_FLAG(std::string, tls_client_ca_file, "",
          "PEM file with the authorities of client certificates; needed with --auth=mtls");

namespace interlock {

const std::vector<std::string> identity_flags = {
    "auth",          "token_file",    "roles_file",   "auth_jwks",         "auth_issuer",
    "auth_audience", "tls_cert_file", "tls_key_file", "tls_client_ca_file"};

namespace {

absl::Status refused(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

std::vector<std::string> list_of(const std::string& text) {
  return absl::StrSplit(text, ',', absl::SkipEmpty());
}

absl::Status read_ways(const HostPort& listen, IdentityConfig& config) {
  const std::string auth = absl::GetFlag(FLAGS_auth);
  bool token = false;
  for (const std::string& way : list_of(auth)) {
    token = token || way == "token";
    config.jwt = config.jwt || way == "jwt";
    config.certificates = config.certificates || way == "mtls";
    config.open = config.open || way == "none";
    if (way != "token" && way != "jwt" && way != "mtls" && way != "none") {
      return refused("--auth is '" + auth + "'; it may be none, or some of token, jwt and mtls");
    }
  }
  const bool some = token || config.jwt || config.certificates;
  if (config.open == some) {
    return refused("--auth is '" + auth +
                   "'; it may be none alone, or some of token, jwt and mtls");
  }
  if (config.open && !is_loopback(listen.host)) {
    return refused(
        "--auth=none gives everybody every role, so it is only allowed on a loopback address; "
        "--listen is " +
        to_string(listen) + ". Use --auth=token with a --token_file");
  }
  if (token) config.token_file = absl::GetFlag(FLAGS_token_file);
  if (token && config.token_file.empty()) {
    return refused(
        "--auth=token needs a --token_file; on a loopback address, --auth=none does without");
  }
  return absl::OkStatus();
}

// A token for another audience is one that somebody else was given to call us with.
absl::Status read_jwt(IdentityConfig& config) {
  if (!config.jwt) return absl::OkStatus();
  config.jwks = absl::GetFlag(FLAGS_auth_jwks);
  config.issuer = absl::GetFlag(FLAGS_auth_issuer);
  config.audiences = list_of(absl::GetFlag(FLAGS_auth_audience));
  if (config.jwks.empty() || config.issuer.empty() || config.audiences.empty()) {
    return refused("--auth=jwt needs --auth_jwks, --auth_issuer and --auth_audience");
  }
  if (!is_web_url(config.jwks)) return absl::OkStatus();
  const absl::Status checked = check_web_url(config.jwks);
  if (checked.ok()) return checked;
  return refused("--auth_jwks: " + std::string(checked.message()));
}

absl::Status read_tls(IdentityConfig& config) {
  config.tls_cert_file = absl::GetFlag(FLAGS_tls_cert_file);
  config.tls_key_file = absl::GetFlag(FLAGS_tls_key_file);
  config.tls_client_ca_file = absl::GetFlag(FLAGS_tls_client_ca_file);
  if (config.tls_cert_file.empty() != config.tls_key_file.empty()) {
    return refused("--tls_cert_file and --tls_key_file belong together; one of them is missing");
  }
  if (!config.tls_client_ca_file.empty() && config.tls_cert_file.empty()) {
    return refused("--tls_client_ca_file needs a --tls_cert_file and its --tls_key_file");
  }
  if (config.certificates == config.tls_client_ca_file.empty()) {
    return refused("--auth=mtls and --tls_client_ca_file belong together; one of them is missing");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status read_identity(const HostPort& listen, IdentityConfig& config) {
  absl::Status status = read_ways(listen, config);
  status.Update(read_jwt(config));
  status.Update(read_tls(config));
  if (!status.ok()) return status;
  config.roles_file = absl::GetFlag(FLAGS_roles_file);
  if ((config.jwt || config.certificates) && config.roles_file.empty()) {
    return refused("--auth=jwt and --auth=mtls need a --roles_file that says who may do what");
  }
  return absl::OkStatus();
}

}  // namespace interlock
