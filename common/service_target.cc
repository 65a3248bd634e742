#include "common/service_target.h"

#include <fmt/format.h>

#include <utility>

#include "absl/status/status.h"

namespace interlock {
namespace {

constexpr std::string_view tls_prefix = "https://";
constexpr std::string_view tls_port = ":443";

}  // namespace

absl::StatusOr<ServiceTarget> parse_service_target(std::string_view text) {
  const bool tls = text.starts_with(tls_prefix);
  std::string authority(tls ? text.substr(tls_prefix.size()) : text);
  if (tls) {
    if (authority.ends_with('/')) authority.pop_back();
    const auto colon = authority.rfind(':');
    if (colon == std::string::npos || authority.ends_with(']')) authority += tls_port;
  }
  auto address = parse_host_port(authority);
  if (address.ok()) return ServiceTarget{*std::move(address), tls};
  if (!tls && text.find("://") == std::string_view::npos) return address.status();
  return absl::InvalidArgumentError(
      fmt::format("\"{}\" is no address of a service; a URL is https://host or https://host:port, "
                  "without a path.",
                  text));
}

std::string to_string(const ServiceTarget& target) {
  return (target.tls ? std::string(tls_prefix) : "") + to_string(target.address);
}

}  // namespace interlock
