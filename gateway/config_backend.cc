// Who gets the messages.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "absl/flags/flag.h"
#include "absl/strings/ascii.h"
#include "common/small_file.h"
#include "gateway/config_parts.h"
#include "gateway/webhook_answer.h"
#include "gateway/webhook_event.h"

ABSL_FLAG(std::string, backend, "",
          "Who gets the messages: host:port (gRPC), or the URL of a webhook (https://, or http:// "
          "on loopback); empty: nobody.");
ABSL_FLAG(std::string, backend_token_file, "",
          "File with the token for the backend; empty: none is sent.");
ABSL_FLAG(std::string, webhook_key_file, "",
          "File with the key that signs what a webhook is sent: whsec_ and base64, or any text of "
          "24 bytes or more.");
ABSL_FLAG(std::string, webhook_ca_file, "",
          "File with the certificate authorities (PEM) that a webhook's server is checked against; "
          "empty: the system's.");

namespace interlock {

const std::vector<std::string> backend_flags = {"backend", "backend_token_file", "webhook_key_file",
                                                "webhook_ca_file"};

namespace {

absl::Status refused(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

absl::Status read_webhook(const std::string& url, GatewayConfig& config) {
  if (auto checked = check_webhook_url(url); !checked.ok()) {
    return refused("--backend: " + std::string(checked.message()));
  }
  const std::string key_file = absl::GetFlag(FLAGS_webhook_key_file);
  if (key_file.empty()) {
    return refused(
        "--backend is a webhook, so a --webhook_key_file is needed: what it is sent is "
        "signed.");
  }
  auto text = read_small_file(key_file, token_bytes_max);
  if (!text.ok()) return text.status();
  auto key = parse_webhook_key(*std::move(text));
  if (!key.ok()) return refused(key_file + " " + std::string(key.status().message()) + ".");
  config.webhook_key = *std::move(key);
  config.webhook_ca_file = absl::GetFlag(FLAGS_webhook_ca_file);
  config.backend = url;
  return absl::OkStatus();
}

}  // namespace

absl::Status read_backend(GatewayConfig& config) {
  auto token = read_token(absl::GetFlag(FLAGS_backend_token_file));
  if (!token.ok()) return token.status();
  config.backend_token = *std::move(token);
  const std::string text = absl::GetFlag(FLAGS_backend);
  if (text.find("://") != std::string::npos) return read_webhook(text, config);
  if (!absl::GetFlag(FLAGS_webhook_key_file).empty()) {
    return refused("--webhook_key_file is for a --backend that is a URL.");
  }
  if (text.empty()) return absl::OkStatus();
  const auto parsed = parse_host_port(text);
  if (!parsed.ok()) {
    return refused(fmt::format("--backend does not accept \"{}\": {}", text,
                               std::string(parsed.status().message())));
  }
  config.backend = to_string(*parsed);
  return absl::OkStatus();
}

}  // namespace interlock
