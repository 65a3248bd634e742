// An HTTP answer, and the bytes that it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace interlock {

struct HttpAnswer {
  std::uint16_t status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields;
  bool with_body = true;  // false for HEAD: the length is said, the body is not sent
};

// "Not Found"; empty when it is none that is answered here. For people: programs read the number
// (RFC 9112, 4).
std::string_view phrase_of(std::uint16_t status);

// HTTP/1.1, with Content-Length and `Connection: close`: one answer is all that a connection gets.
std::string to_wire(const HttpAnswer& answer);

}  // namespace interlock
