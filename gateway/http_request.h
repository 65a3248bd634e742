// The head of an HTTP request, and how its fields are read.
//
// Pure: what it gives are views into the bytes that were read.
#pragma once

#include <string_view>
#include <vector>

namespace interlock {

struct HeaderField {
  std::string_view name;  // in any case
  std::string_view value;
};

// Valid as long as the bytes that were read are kept.
struct HttpRequest {
  std::string_view method;
  std::string_view target;
  unsigned version = 11;  // 10 or 11
  std::vector<HeaderField> fields;
};

// The target's path: what stands before its query.
std::string_view path_of(std::string_view target);

// The first field of this name; empty when there is none.
std::string_view field_of(const HttpRequest& request, std::string_view name);

// Behind `Authorization: Bearer`; empty when there is none, or one of another scheme.
std::string_view bearer_token_of(const HttpRequest& request);

// Which trace it belongs to, as it says; empty when it does not, or says so twice.
std::string_view traceparent_of(const HttpRequest& request);

// Of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

// Without the blanks around it.
std::string_view trim(std::string_view text);

}  // namespace interlock
