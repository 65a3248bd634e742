#include "gateway/http_answer.h"

#include <fmt/format.h>

namespace interlock {
std::string_view phrase_of(std::uint16_t status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "";
  }
}

std::string to_wire(const HttpAnswer& answer) {
  std::string text = fmt::format(
      "HTTP/1.1 {} {}\r\nServer: interlock\r\nContent-Type: {}\r\nContent-Length: {}\r\n"
      "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n",
      answer.status, phrase_of(answer.status), answer.content_type, answer.body.size());
  for (const auto& [name, value] : answer.fields) text += fmt::format("{}: {}\r\n", name, value);
  text += "\r\n";
  if (answer.with_body) text += answer.body;
  return text;
}

}  // namespace interlock
