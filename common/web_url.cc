#include "common/web_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "common/host_port.h"

namespace interlock {
namespace {

constexpr std::string_view secure = "https://";
constexpr std::string_view plain = "http://";

absl::Status wrong(const std::string& url, std::string_view why) {
  return absl::InvalidArgumentError(
      fmt::format("\"{}\" is no URL that may be asked: {}.", url, why));
}

bool is_metadata_server(const std::string& host) {
  return host == "metadata.google.internal" || host == "169.254.169.254";
}

}  // namespace

bool is_web_url(const std::string& text) {
  return text.starts_with(secure) || text.starts_with(plain);
}

absl::Status check_web_url(const std::string& url) {
  if (!is_web_url(url)) return wrong(url, "it begins with https://");
  const bool tls = url.starts_with(secure);
  const bool clean = std::ranges::all_of(
      url, [](char c) { return ' ' < c && c < '\x7f' && c != '\\' && c != '#' && c != '@'; });
  if (!clean) return wrong(url, "spaces, '\\', '#' and '@' have no place in it");
  const std::string_view behind = std::string_view(url).substr((tls ? secure : plain).size());
  std::string authority(behind.substr(0, behind.find_first_of("/?")));
  const auto colon = authority.rfind(':');
  if (colon == std::string::npos || authority.ends_with(']')) authority += tls ? ":443" : ":80";
  const auto parsed = parse_host_port(authority);
  if (!parsed.ok() || parsed->host.empty() || parsed->port == 0) {
    return wrong(url, "it needs a host, and a port only from 1 to 65535");
  }
  if (tls || is_loopback(parsed->host) || is_metadata_server(parsed->host)) {
    return absl::OkStatus();
  }
  return wrong(url, "without TLS it may only be on a loopback address; use https://");
}

}  // namespace interlock
