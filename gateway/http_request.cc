#include "gateway/http_request.h"

#include <algorithm>

#include "common/trace_context.h"

namespace interlock {
namespace {

char lower(char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::string_view field_of(const HttpRequest& request, std::string_view name) {
  for (const HeaderField& field : request.fields) {
    if (equal_ignoring_case(field.name, name)) return field.value;
  }
  return {};
}

std::string_view bearer_token_of(const HttpRequest& request) {
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view authorization = trim(field_of(request, "Authorization"));
  if (!equal_ignoring_case(authorization.substr(0, scheme.size()), scheme)) return {};
  return trim(authorization.substr(scheme.size()));
}

std::string_view traceparent_of(const HttpRequest& request) {
  std::string_view found;
  for (const HeaderField& field : request.fields) {
    if (!equal_ignoring_case(field.name, traceparent_name)) continue;
    if (!found.empty()) return {};
    found = trim(field.value);
  }
  return found;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace interlock
