#include "gateway/json_members.h"

#include <boost/json/parse.hpp>
#include <charconv>
#include <system_error>

namespace interlock {
namespace {

namespace json = boost::json;

constexpr std::string_view whitespace = " \t\r\n";

}  // namespace

bool is_json_object(std::string_view text) {
  const auto first = text.find_first_not_of(whitespace);
  return first != std::string_view::npos && text[first] == '{';
}

JsonMembers::JsonMembers(std::string_view object) : rest_(object) {
  skip_to_inside(rest_.find('{') + 1);
}

bool JsonMembers::next() {
  if (rest_.front() == ',') skip_to_inside(1);
  if (rest_.front() == '}') return false;
  name = take(string_length());
  skip_to_inside(rest_.find(':') + 1);
  value = take(value_length());
  return true;
}

void JsonMembers::skip_to_inside(std::size_t bytes) {
  rest_.remove_prefix(bytes);
  rest_.remove_prefix(rest_.find_first_not_of(whitespace));
}

std::string_view JsonMembers::take(std::size_t bytes) {
  const std::string_view taken = rest_.substr(0, bytes);
  skip_to_inside(bytes);
  return taken;
}

std::size_t JsonMembers::string_length(std::size_t from) const {
  std::size_t at = from + 1;
  while (rest_[at] != '"') at += rest_[at] == '\\' ? 2 : 1;
  return at + 1 - from;
}

std::size_t JsonMembers::value_length() const {
  if (rest_.front() == '"') return string_length();
  if (rest_.front() != '{' && rest_.front() != '[') return rest_.find_first_of(",} \t\r\n");
  std::size_t depth = 0;
  std::size_t at = 0;
  do {
    const char c = rest_[at];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    at += c == '"' ? string_length(at) : 1;
  } while (depth > 0);
  return at;
}

std::optional<std::string> json_text(std::string_view value) {
  if (value.empty() || value.front() != '"') return std::nullopt;
  if (value.find('\\') == std::string_view::npos) {
    return std::string(value.substr(1, value.size() - 2));
  }
  const json::value parsed = json::parse(json::string_view(value.data(), value.size()));
  const json::string& text = parsed.as_string();
  return std::string(text.data(), text.size());
}

std::optional<std::uint64_t> json_number(std::string_view value) {
  std::uint64_t number = 0;
  const char* end = value.data() + value.size();
  const auto [stopped, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

}  // namespace interlock
