#include "coordinator/ctl/console/headers.h"

#include <fmt/format.h>

namespace interlock {

std::string content_security_policy(int port) {
  return fmt::format(
      "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; "
      "connect-src 'self' ws://127.0.0.1:{0} ws://localhost:{0}; object-src 'none'; "
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
      "require-trusted-types-for 'script'; trusted-types 'none'",
      port);
}

std::vector<Header> console_headers(int port) {
  return {{"Content-Security-Policy", content_security_policy(port)},
          {"X-Content-Type-Options", "nosniff"},
          {"Referrer-Policy", "no-referrer"},
          {"Cache-Control", "no-store"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cross-Origin-Resource-Policy", "same-origin"},
          {"X-Frame-Options", "DENY"}};
}

}  // namespace interlock
