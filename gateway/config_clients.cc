// Whom it lets in, and how it proves itself to them.
#include <fmt/format.h>

#include <string>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/strings/str_split.h"
#include "common/web_url.h"
#include "gateway/config_parts.h"

ABSL_FLAG(std::string, auth, "jwt",
          "Who may connect: jwt (bearer tokens, of an --auth_key_file or an --auth_jwks) or none "
          "(everybody, on loopback only).");
ABSL_FLAG(std::string, auth_key_file, "",
          "File with the secret of --auth=jwt for tokens signed with HS256.");
ABSL_FLAG(std::string, auth_jwks, "",
          "The issuer's public keys for tokens signed with RS256 or ES256: a file, or an https:// "
          "URL (http:// on loopback).");
ABSL_FLAG(std::string, auth_issuer, "",
          "The `iss` of clients' tokens; needed with --auth_jwks; empty: any.");
ABSL_FLAG(std::string, auth_audience, "",
          "The `aud` of clients' tokens, several separated by commas; needed with --auth_jwks; "
          "empty: any.");
ABSL_FLAG(std::string, revoked_subjects_file, "",
          "File with subjects, one a line, whose tokens count no more: who is connected is closed "
          "with 4501. Read again when it changes; empty: none.");
ABSL_FLAG(std::string, tls_cert_file, "",
          "PEM file with the listener's certificate and its chain, read again when it changes; "
          "empty: the listener is plain, as behind Cloud Run or another proxy.");
ABSL_FLAG(std::string, tls_key_file, "", "PEM file with the key of --tls_cert_file.");

namespace interlock {

const std::vector<std::string> client_flags = {
    "auth",          "auth_key_file",         "auth_jwks",     "auth_issuer",
    "auth_audience", "revoked_subjects_file", "tls_cert_file", "tls_key_file"};

namespace {

absl::Status refused(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

absl::Status read_open(GatewayConfig& config) {
  const bool keys = !absl::GetFlag(FLAGS_auth_key_file).empty() || !config.auth_jwks.empty();
  if (keys || !config.revoked_subjects_file.empty()) {
    return refused(
        "--auth=none has no use for an --auth_key_file, an --auth_jwks or a "
        "--revoked_subjects_file.");
  }
  config.open = true;
  if (is_loopback(config.listen.host)) return absl::OkStatus();
  return refused(
      "--auth=none lets everybody in as \"anonymous\", so it is allowed on a loopback "
      "address only; --listen is " +
      to_string(config.listen) + ".");
}

absl::Status read_jwks(const GatewayConfig& config) {
  // Such an issuer signs tokens for others too: anybody's would be good here.
  if (config.expectations.issuer.empty() || config.expectations.audiences.empty()) {
    return refused("--auth_jwks needs an --auth_issuer and an --auth_audience.");
  }
  if (!is_web_url(config.auth_jwks)) return absl::OkStatus();
  const absl::Status checked = check_web_url(config.auth_jwks);
  return checked.ok() ? checked : refused("--auth_jwks: " + std::string(checked.message()));
}

absl::Status read_tls(GatewayConfig& config) {
  config.tls_cert_file = absl::GetFlag(FLAGS_tls_cert_file);
  config.tls_key_file = absl::GetFlag(FLAGS_tls_key_file);
  if (config.tls_cert_file.empty() == config.tls_key_file.empty()) return absl::OkStatus();
  return refused("--tls_cert_file and --tls_key_file belong together; one of them is missing.");
}

}  // namespace

absl::Status read_clients(GatewayConfig& config) {
  if (auto status = read_tls(config); !status.ok()) return status;
  const std::string auth = absl::GetFlag(FLAGS_auth);
  const std::string key_file = absl::GetFlag(FLAGS_auth_key_file);
  config.auth_jwks = absl::GetFlag(FLAGS_auth_jwks);
  config.revoked_subjects_file = absl::GetFlag(FLAGS_revoked_subjects_file);
  if (auth == "none") return read_open(config);
  if (auth != "jwt") return refused("--auth is \"" + auth + "\"; it takes jwt or none.");
  if (key_file.empty() == config.auth_jwks.empty()) {
    return refused(
        "--auth=jwt needs an --auth_key_file or an --auth_jwks, one of the two; on a loopback "
        "address --auth=none does without.");
  }
  config.expectations.issuer = absl::GetFlag(FLAGS_auth_issuer);
  config.expectations.audiences =
      absl::StrSplit(absl::GetFlag(FLAGS_auth_audience), ',', absl::SkipEmpty());
  config.expectations.expiry_required = !config.auth_jwks.empty();
  if (!config.auth_jwks.empty()) return read_jwks(config);
  auto verifier = TokenVerifier::from_hs256_key_file(key_file, config.expectations);
  if (!verifier.ok()) return verifier.status();
  config.verifier.emplace(*std::move(verifier));
  return absl::OkStatus();
}

}  // namespace interlock
