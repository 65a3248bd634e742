// What every answer of the console tells the browser, so that the page cannot be turned against it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace interlock {

// The page loads from here only, runs no inline script, and cannot turn text into markup at all:
// `trusted-types 'none'` leaves no way to assign a string to innerHTML and its like. The WebSocket
// is spelt out because not every browser counts it to 'self'.
std::string content_security_policy(int port);

using Header = std::pair<std::string_view, std::string>;
std::vector<Header> console_headers(int port);

}  // namespace interlock
