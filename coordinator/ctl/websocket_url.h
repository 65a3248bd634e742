// Where a gateway's socket is.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace interlock {

struct WebSocketUrl {
  bool tls = false;
  std::string host;  // IPv6 without its brackets
  std::string port;
  std::string path;  // begins with `/`, without a query

  friend bool operator==(const WebSocketUrl&, const WebSocketUrl&) = default;
};

// Reads `ws://host[:port][/path]` and `wss://...`; the path is `/ws` when it is left out.
// INVALID_ARGUMENT is a sentence.
absl::StatusOr<WebSocketUrl> parse_websocket_url(std::string_view text);

// `host`, with the port when it is not the scheme's own: what the Host header says.
std::string host_header(const WebSocketUrl& url);

std::string to_string(const WebSocketUrl& url);

}  // namespace interlock
