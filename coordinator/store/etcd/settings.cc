#include "coordinator/store/etcd/settings.h"

#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "common/host_port.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace interlock::etcd {
namespace {

constexpr std::string_view kScheme = "etcd://";
constexpr std::string_view kDefaultPort = ":2379";
constexpr std::size_t kEndpointsMax = 16;
constexpr std::size_t kPrefixBytesMax = 256;

absl::Status invalid(std::string sentence) {
  return absl::InvalidArgumentError(std::move(sentence));
}

std::pair<std::string_view, std::string_view> cut(std::string_view text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

// Nothing: a percent sign without two hexadecimal digits.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    unsigned byte = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const char* const end = text.data() + i + 3;
    const auto read = std::from_chars(text.data() + i + 1, end, byte, 16);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    decoded.push_back(static_cast<char>(byte));
    i += 2;
  }
  return decoded;
}

absl::Status read_credentials(std::string_view text, Settings& settings) {
  const auto [user, password] = cut(text, ':');
  const auto decoded_user = percent_decoded(user);
  const auto decoded_password = percent_decoded(password);
  if (!decoded_user || !decoded_password) {
    return invalid(
        "User or password in --store has a % without two hexadecimal digits: write "
        "%25 for the sign itself.");
  }
  if (decoded_user->empty()) {
    return invalid("There is a password in --store, but no user: write etcd://user:password@host.");
  }
  settings.user = *decoded_user;
  settings.password = *decoded_password;
  return absl::OkStatus();
}

absl::Status read_endpoints(std::string_view hosts, Settings& settings) {
  while (!hosts.empty()) {
    const auto [host, rest] = cut(hosts, ',');
    hosts = rest;
    const bool has_port =
        host.find(':', host.starts_with('[') ? host.find(']') : 0) != std::string_view::npos;
    const auto endpoint =
        parse_host_port(std::string(host) + std::string(has_port ? "" : kDefaultPort));
    if (!endpoint.ok() || endpoint->port == 0 || endpoint->host.empty()) {
      return invalid(fmt::format("'{}' in --store is no host[:port].", host));
    }
    settings.endpoints.push_back(to_string(*endpoint));
  }
  if (settings.endpoints.empty()) {
    return invalid("--store names no member: write etcd://host1,host2,host3, for example.");
  }
  if (settings.endpoints.size() > kEndpointsMax) {
    return invalid(fmt::format("--store names {} members; at most {} are allowed.",
                               settings.endpoints.size(), kEndpointsMax));
  }
  return absl::OkStatus();
}

absl::Status read_prefix(std::string_view path, Settings& settings) {
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return absl::OkStatus();
  if (path.size() > kPrefixBytesMax) {
    return invalid(fmt::format("The prefix in --store has {} bytes; at most {} are allowed.",
                               path.size(), kPrefixBytesMax));
  }
  settings.prefix = std::string(path) + "/";
  return absl::OkStatus();
}

using ReadOption = std::function<bool(const std::string& value, Settings& settings)>;

template <class Number>
ReadOption number(Number Settings::* member, std::uint64_t least, std::uint64_t most) {
  return [=](const std::string& value, Settings& settings) {
    std::uint64_t read = 0;
    const auto end = value.data() + value.size();
    const auto result = std::from_chars(value.data(), end, read);
    if (result.ec != std::errc() || result.ptr != end || read < least || read > most) return false;
    settings.*member = Number(read);
    return true;
  };
}

ReadOption seconds(std::chrono::milliseconds Settings::* member) {
  return [=](const std::string& value, Settings& settings) {
    if (!number(member, 0, 86'400)(value, settings)) return false;
    settings.*member *= 1'000;
    return true;
  };
}

ReadOption file(std::string Settings::* member) {
  return [=](const std::string& value, Settings& settings) {
    settings.*member = value;
    settings.tls = true;
    return !value.empty();
  };
}

const std::map<std::string, ReadOption, std::less<>>& options() {
  static const std::map<std::string, ReadOption, std::less<>> all = {
      {"ca_file", file(&Settings::ca_file)},
      {"cert_file", file(&Settings::cert_file)},
      {"keep_s", seconds(&Settings::keep)},
      {"key_file", file(&Settings::key_file)},
      {"max_request_bytes", number(&Settings::max_request_bytes, 64 * 1024, 64 * 1024 * 1024)},
      {"max_txn_ops", number(&Settings::max_txn_ops, 64, 65'536)},
      {"quota_bytes", number(&Settings::quota_bytes, 1024 * 1024, std::uint64_t{1} << 50)},
      {"room_low_percent", number(&Settings::room_low_percent, 1, 100)},
      {"timeout_ms", number(&Settings::timeout, 100, 60'000)},
      {"tls",
       [](const std::string& value, Settings& settings) {
         settings.tls = settings.tls || value == "on";
         return value == "on" || value == "off";
       }},
      {"txns_under_way_max", number(&Settings::txns_under_way_max, 1, 256)},
  };
  return all;
}

absl::Status read_options(std::string_view query, Settings& settings) {
  while (!query.empty()) {
    const auto [option, rest] = cut(query, '&');
    query = rest;
    const auto [name, value] = cut(option, '=');
    const auto known = options().find(name);
    if (known == options().end()) {
      std::vector<std::string> names;
      for (const auto& [each, read] : options()) names.push_back(each);
      return invalid(fmt::format("--store has an unknown option '{}'; known are {}.", name,
                                 fmt::join(names, ", ")));
    }
    const auto decoded = percent_decoded(value);
    if (!decoded || !known->second(*decoded, settings)) {
      return invalid(fmt::format("'{}' is no value for the option {} in --store.", value, name));
    }
  }
  if (settings.cert_file.empty() != settings.key_file.empty()) {
    return invalid("cert_file and key_file go together: --store names one of them only.");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Settings> parse_url(std::string_view url) {
  if (!url.starts_with(kScheme)) return invalid("An etcd store begins with etcd://.");
  Settings settings;
  const auto [address, query] = cut(url.substr(kScheme.size()), '?');
  const auto [authority, path] = cut(address, '/');
  std::string_view hosts = authority;
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    if (absl::Status read = read_credentials(authority.substr(0, at), settings); !read.ok()) {
      return read;
    }
    hosts = authority.substr(at + 1);
  }
  if (absl::Status read = read_endpoints(hosts, settings); !read.ok()) return read;
  if (absl::Status read = read_prefix(path, settings); !read.ok()) return read;
  if (absl::Status read = read_options(query, settings); !read.ok()) return read;
  return settings;
}

}  // namespace interlock::etcd
