// What a request of the HTTP API asks for.
//
// Pure: the head of a request as a call, and the body of a publish as a message; or what is wrong
// with it. Nothing is decided about permission: the token goes to the coordinator.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "gateway/http_problem.h"
#include "gateway/http_request.h"
#include "interlock/v1/events.pb.h"

namespace interlock {

inline constexpr std::size_t event_data_bytes_max = 64 * 1024;  // `data` as it stands in the body
inline constexpr std::size_t event_data_depth_max = 64;  // as the coordinator counts it
// The data, and room for the other members around it.
inline constexpr std::size_t event_body_bytes_max = event_data_bytes_max + 4 * 1024;
inline constexpr std::size_t idempotency_key_bytes_max = 128;
inline constexpr std::size_t api_token_bytes_max = 4 * 1024;

// Whether it is for the API at all: everything below /v1/.
bool is_api_target(std::string_view target);

struct ApiCall {
  enum class Kind { kPublish, kLook };
  Kind kind = Kind::kLook;
  bool with_body = true;  // of the answer; false: HEAD
  std::string key;  // decoded, a valid connection key
  std::string token;  // empty: none
  std::string idempotency_key;  // empty: none
  std::string traceparent;  // in version 00; empty: none
};

// POST /v1/connections/{key}/events, and GET or HEAD /v1/connections/{key}.
std::variant<ApiCall, HttpProblem> read_api_head(const HttpRequest& request);

// The body of a publish; `data` goes on byte for byte.
std::variant<v1::PublishRequest, HttpProblem> read_publish(const ApiCall& call,
                                                           std::string_view body);

HttpProblem body_too_large();

}  // namespace interlock
