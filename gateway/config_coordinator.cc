// Whom it acts for, and how it proves that it is a gateway.
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/strings/str_split.h"
#include "common/service_target.h"
#include "common/web_url.h"
#include "gateway/config_parts.h"

ABSL_FLAG(std::string, coordinator, "127.0.0.1:7400",
          "The coordinators: host:port, or https://host[:port] with TLS; several of them separated "
          "by commas.");
ABSL_FLAG(std::string, coordinator_identity, "",
          "How this gateway proves what it is: token_file, metadata (an ID token of Google's "
          "metadata server), mtls (a client certificate) or none; empty: token_file when there is "
          "one, and otherwise none.");
ABSL_FLAG(std::string, coordinator_token_file, "",
          "File with the token that the coordinator knows as a gateway's, read again when it "
          "changes; empty: none is sent.");
ABSL_FLAG(
    std::string, coordinator_audience, "",
    "For whom the metadata server's ID token is; empty: the first coordinator's https:// URL, "
    "without a port.");
ABSL_FLAG(std::string, metadata_url, "http://metadata.google.internal",
          "Where the metadata server is, without a path.");
ABSL_FLAG(
    std::string, coordinator_ca_file, "",
    "File with the certificate authorities (PEM) that coordinators are checked against; empty: "
    "the system's.");
ABSL_FLAG(
    std::string, coordinator_cert_file, "",
    "File with this gateway's client certificate (PEM) for mtls, read again when it changes.");
ABSL_FLAG(std::string, coordinator_key_file, "", "File with the key of --coordinator_cert_file.");

namespace interlock {

const std::vector<std::string> coordinator_flags = {
    "coordinator",  "coordinator_identity", "coordinator_token_file", "coordinator_audience",
    "metadata_url", "coordinator_ca_file",  "coordinator_cert_file",  "coordinator_key_file"};

namespace {

constexpr std::string_view tls = "https://";

absl::Status refused(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

// As make_channel takes it.
absl::StatusOr<std::string> coordinator_target(const std::string& text) {
  const auto target = parse_service_target(text);
  if (target.ok()) return to_string(*target);
  return refused(fmt::format("--coordinator does not accept \"{}\": {}", text,
                             std::string(target.status().message())));
}

absl::Status read_targets(GatewayConfig& config) {
  std::string rest = absl::GetFlag(FLAGS_coordinator);
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const std::string one = rest.substr(0, comma);
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    auto target = coordinator_target(one);
    if (!target.ok()) return target.status();
    config.coordinators.push_back(*std::move(target));
  }
  if (!config.coordinators.empty()) return absl::OkStatus();
  return refused("--coordinator is empty; without one there are no connections.");
}

bool is_local(const std::string& target) {
  const auto parsed = parse_host_port(target);
  return parsed.ok() && is_loopback(parsed->host);
}

// An ID token is what the gateway is: whoever reads it on the way is the gateway for an hour.
absl::Status read_metadata(GatewayConfig& config) {
  MetadataSettings metadata;
  metadata.url = absl::GetFlag(FLAGS_metadata_url);
  while (metadata.url.ends_with('/')) metadata.url.pop_back();
  metadata.audience = absl::GetFlag(FLAGS_coordinator_audience);
  if (auto checked = check_web_url(metadata.url); !checked.ok()) {
    return refused("--metadata_url: " + std::string(checked.message()));
  }
  for (const std::string& target : config.coordinators) {
    if (target.starts_with(tls) || is_local(target)) continue;
    return refused(
        "--coordinator_identity=metadata sends a token, so each --coordinator off "
        "loopback must be https://...; " +
        target + " is not.");
  }
  const std::string& first = config.coordinators.front();
  if (metadata.audience.empty() && first.starts_with(tls)) {
    metadata.audience = first.substr(0, first.rfind(':'));
  }
  if (metadata.audience.empty()) {
    return refused(
        "--coordinator_identity=metadata needs a --coordinator_audience where the "
        "coordinator is no https:// URL.");
  }
  config.metadata = std::move(metadata);
  return absl::OkStatus();
}

absl::Status read_certificate(bool mtls, GatewayConfig& config) {
  config.coordinator_ca_file = absl::GetFlag(FLAGS_coordinator_ca_file);
  config.coordinator_cert_file = absl::GetFlag(FLAGS_coordinator_cert_file);
  config.coordinator_key_file = absl::GetFlag(FLAGS_coordinator_key_file);
  const bool both = !config.coordinator_cert_file.empty() && !config.coordinator_key_file.empty();
  const bool neither = config.coordinator_cert_file.empty() && config.coordinator_key_file.empty();
  if (mtls ? !both : !neither) {
    return refused(
        "--coordinator_identity=mtls, --coordinator_cert_file and "
        "--coordinator_key_file belong together; something of them is missing.");
  }
  if (neither && config.coordinator_ca_file.empty()) return absl::OkStatus();
  for (const std::string& target : config.coordinators) {
    if (target.starts_with(tls)) continue;
    return refused("Certificates are for coordinators that are https://...; " + target +
                   " is not.");
  }
  absl::Status status;
  for (const std::string& path :
       {config.coordinator_ca_file, config.coordinator_cert_file, config.coordinator_key_file}) {
    if (!path.empty()) status.Update(read_small_file(path, pem_bytes_max).status());
  }
  return status;
}

}  // namespace

absl::Status read_coordinator(GatewayConfig& config) {
  if (auto status = read_targets(config); !status.ok()) return status;
  std::string identity = absl::GetFlag(FLAGS_coordinator_identity);
  const std::string token_file = absl::GetFlag(FLAGS_coordinator_token_file);
  if (identity.empty()) identity = token_file.empty() ? "none" : "token_file";
  if (identity != "none" && identity != "token_file" && identity != "metadata" &&
      identity != "mtls") {
    return refused("--coordinator_identity is \"" + identity +
                   "\"; it takes none, token_file, metadata or mtls.");
  }
  if ((identity == "token_file") == token_file.empty()) {
    return refused(
        "--coordinator_identity=token_file and --coordinator_token_file belong "
        "together; one of them is missing.");
  }
  auto token = read_token(token_file);
  if (!token.ok()) return token.status();
  config.coordinator_token = *std::move(token);
  config.coordinator_token_file = token_file;
  if (auto status = read_certificate(identity == "mtls", config); !status.ok()) return status;
  return identity == "metadata" ? read_metadata(config) : absl::OkStatus();
}

}  // namespace interlock
