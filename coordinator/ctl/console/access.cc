#include "coordinator/ctl/console/access.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace interlock {
namespace {

constexpr std::string_view bearer = "Bearer ";
constexpr std::string_view token_prefix = "token.";

// The names that a browser on this machine may have in its address bar.
std::array<std::string, 2> own_hosts(int port) {
  return {fmt::format("127.0.0.1:{}", port), fmt::format("localhost:{}", port)};
}

absl::string_view absl_view(std::string_view text) { return {text.data(), text.size()}; }

bool is_token(absl::string_view given, std::string_view token) {
  return same_secret({given.data(), given.size()}, token);
}

}  // namespace

std::optional<Denial> check_site(const Caller& caller, int port) {
  bool own_host = false;
  bool own_origin = caller.origin.empty();
  for (const std::string& host : own_hosts(port)) {
    own_host = own_host || absl::EqualsIgnoreCase(absl_view(caller.host), host);
    own_origin = own_origin || absl::EqualsIgnoreCase(absl_view(caller.origin), "http://" + host);
  }
  if (!own_host) {
    return Denial{421, fmt::format("This console answers as 127.0.0.1:{} and localhost:{} only: "
                                   "open the address that interlockctl printed.",
                                   port, port)};
  }
  if (!own_origin) {
    return Denial{403,
                  "This console answers its own page only, and another site asked: open the "
                  "address that interlockctl printed."};
  }
  return std::nullopt;
}

std::optional<Denial> check_token(const Caller& caller, std::string_view token) {
  const absl::string_view authorization = absl_view(caller.authorization);
  if (absl::StartsWith(authorization, absl_view(bearer)) &&
      is_token(authorization.substr(bearer.size()), token)) {
    return std::nullopt;
  }
  for (const absl::string_view one : absl::StrSplit(absl_view(caller.subprotocols), ',')) {
    const absl::string_view name = absl::StripAsciiWhitespace(one);
    if (absl::StartsWith(name, absl_view(token_prefix)) &&
        is_token(name.substr(token_prefix.size()), token)) {
      return std::nullopt;
    }
  }
  return Denial{401,
                "This needs the token in the address that interlockctl printed: open that "
                "address again, all of it."};
}

bool same_secret(std::string_view one, std::string_view other) {
  return !other.empty() && one.size() == other.size() &&
         CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace interlock
