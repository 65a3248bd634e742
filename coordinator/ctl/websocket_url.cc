#include "coordinator/ctl/websocket_url.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/host_port.h"
#include "coordinator/ctl/text.h"

namespace interlock {
namespace {

constexpr std::string_view default_path = "/ws";

std::string_view default_port(bool tls) { return tls ? "443" : "80"; }

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

absl::Status wrong(std::string_view text) {
  return absl::InvalidArgumentError(fmt::format(
      "\"{}\" is no address of a gateway's socket; it takes ws://host:port or wss://host, "
      "with the path when it is not /ws, and without a query.",
      escape_control(text)));
}

// It goes into a request line.
bool plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

absl::StatusOr<WebSocketUrl> parse_websocket_url(std::string_view text) {
  WebSocketUrl url;
  std::string_view rest = text;
  if (rest.starts_with("wss://")) {
    url.tls = true;
    rest.remove_prefix(6);
  } else if (rest.starts_with("ws://")) {
    rest.remove_prefix(5);
  } else {
    return wrong(text);
  }
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string authority(rest.substr(0, slash));
  const std::string_view path = rest.substr(slash);
  if (authority.find('@') != std::string::npos || rest.find_first_of("?#") != rest.npos ||
      !plain(rest)) {
    return wrong(text);
  }
  const bool has_port =
      authority.find(':', authority.find(']') == std::string::npos ? 0 : authority.find(']')) !=
      std::string::npos;
  const auto address =
      parse_host_port(has_port ? authority : authority + ":" + std::string(default_port(url.tls)));
  if (!address.ok() || address->port == 0) return wrong(text);
  url.host = address->host;
  url.port = std::to_string(address->port);
  url.path = path.empty() || path == "/" ? default_path : path;
  return url;
}

std::string host_header(const WebSocketUrl& url) {
  const std::string host = bracketed(url.host);
  return url.port == default_port(url.tls) ? host : host + ":" + url.port;
}

std::string to_string(const WebSocketUrl& url) {
  return fmt::format("{}://{}{}", url.tls ? "wss" : "ws", host_header(url), url.path);
}

}  // namespace interlock
