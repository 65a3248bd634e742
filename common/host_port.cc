#include "common/host_port.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <charconv>

#include "absl/status/status.h"

namespace interlock {
namespace {

constexpr std::string_view expected = "an address is host:port, such as 127.0.0.1:8080";

absl::Status refuse(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("\"{}\" {}; {}.", text, why, expected));
}

bool plausible_host(std::string_view host) {
  return !host.empty() && host.find_first_of(" \t\r\n/[]@") == std::string_view::npos;
}

}  // namespace

absl::StatusOr<int> parse_port(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool number = error == std::errc() && end == text.data() + text.size() && !text.empty();
  if (!number || port < 0 || port > 65535) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is not a port; a port is a number from 0 to 65535.", text));
  }
  return port;
}

absl::StatusOr<HostPort> parse_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse(text, "names no port");
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) {
    return refuse(text, "has more than one colon; an IPv6 address stands in brackets");
  }
  if (host.empty()) return refuse(text, "names no host");
  if (!plausible_host(host)) return refuse(text, "is not a host and a port");
  const absl::StatusOr<int> port = parse_port(text.substr(colon + 1));
  if (!port.ok()) return refuse(text, "does not end in a port from 0 to 65535");
  return HostPort{std::string(host), *port};
}

std::string to_string(const HostPort& address) {
  if (address.host.find(':') != std::string::npos) {
    return fmt::format("[{}]:{}", address.host, address.port);
  }
  return fmt::format("{}:{}", address.host, address.port);
}

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace interlock
