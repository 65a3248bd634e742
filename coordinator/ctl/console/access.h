// Who may ask the console: its own page, on this machine, and nobody else.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace interlock {

// What a request says of where it comes from; empty: it says nothing.
struct Caller {
  std::string_view host;           // `Host`; empty too when there are several
  std::string_view origin;         // `Origin`
  std::string_view authorization;  // `Authorization`
  std::string_view subprotocols;   // `Sec-WebSocket-Protocol`
};

// An HTTP status, and the sentence that goes with it.
struct Denial {
  int status = 0;
  std::string sentence;

  friend bool operator==(const Denial&, const Denial&) = default;
};

// A page of another site that has its own name resolve to 127.0.0.1 sends its own `Host` and
// `Origin`: 421 and 403. A request without an `Origin` is not a page's.
std::optional<Denial> check_site(const Caller& caller, int port);

// `Authorization: Bearer TOKEN`, or, since a browser cannot set headers for a WebSocket, among the
// subprotocols `token.TOKEN`. 401.
std::optional<Denial> check_token(const Caller& caller, std::string_view token);

// In a time that depends on the length only.
bool same_secret(std::string_view one, std::string_view other);

}  // namespace interlock
