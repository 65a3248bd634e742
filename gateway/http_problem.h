// How the HTTP API says no: problem details (RFC 9457).
//
// Pure: what the coordinator answered, as a problem, and a problem as an HTTP answer.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gateway/api_client.h"
#include "gateway/http_answer.h"

namespace interlock {

struct HttpProblem {
  std::uint16_t status = 500;
  std::string reason;         // Interlock's name of it, "NOT_FOUND"
  std::string detail;         // what happened, and what to do
  std::uint64_t after_ms = 0;  // Retry-After, rounded up to seconds; 0: none
  std::string allow;          // the methods that there are, for 405
  // Further members of the body, as `last_number`; texts before numbers.
  std::vector<std::pair<std::string, std::string>> texts;
  std::vector<std::pair<std::string, std::uint64_t>> numbers;
};

// The body has type, title, status, detail and reason, and what else the problem has to say.
HttpAnswer to_answer(const HttpProblem& problem);

// Why a call to the coordinator did not work.
HttpProblem problem_of(const ApiFailure& failure);

}  // namespace interlock
