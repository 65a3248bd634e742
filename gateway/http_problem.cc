#include "gateway/http_problem.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "common/refusal_details.h"
#include "common/utf8.h"

namespace interlock {
namespace {

constexpr std::uint64_t away_after_ms = 1'000;  // when nobody said how long it may take

HttpProblem problem(std::uint16_t status, std::string reason, const std::string& what,
                    const std::string& advice) {
  HttpProblem made;
  made.status = status;
  made.reason = std::move(reason);
  made.detail = (what.empty() ? "The coordinator gave no reason" : what) + ". " + advice;
  return made;
}

// "first word" of the coordinator becomes "First word".
std::string sentence(std::string text) {
  text = replace_invalid_utf8(text);
  if (!text.empty() && 'a' <= text[0] && text[0] <= 'z') {
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  }
  while (text.ends_with('.')) text.pop_back();
  return text;
}

// ---- with a refusal ----

HttpProblem of_numbers(const v1::Refusal& refusal, HttpProblem made) {
  switch (refusal.reason_case()) {
    case v1::Refusal::kOutOfOrder:
      made.numbers.emplace_back("last_number", refusal.out_of_order().last_number());
      break;
    case v1::Refusal::kAlreadyAccepted:
      made.numbers.emplace_back("last_number", refusal.already_accepted().last_number());
      made.numbers.emplace_back("last_sequence", refusal.already_accepted().last_sequence());
      break;
    case v1::Refusal::kResourceExhausted:
      made.texts.emplace_back("limit", replace_invalid_utf8(refusal.resource_exhausted().limit()));
      made.numbers.emplace_back("value", refusal.resource_exhausted().value());
      made.after_ms = away_after_ms;
      break;
    case v1::Refusal::kInvalidArgument:
      made.texts.emplace_back("field", replace_invalid_utf8(refusal.invalid_argument().field()));
      break;
    case v1::Refusal::kStoreAway:
      made.after_ms = std::max(refusal.store_away().after_ms(), away_after_ms);
      break;
    case v1::Refusal::kNotNow:
      made.after_ms = std::max(refusal.not_now().after_ms(), away_after_ms);
      break;
    default:
      break;
  }
  return made;
}

struct Meaning {
  std::uint16_t status;
  const char* advice;
};

Meaning meaning_of(const v1::Refusal& refusal) {
  switch (refusal.reason_case()) {
    case v1::Refusal::kNotFound:
      return {404,
              "Check the key: it is percent-encoded once, and known once a client has connected."};
    case v1::Refusal::kGone:
      return {410, "Stop publishing to it until its client has connected again."};
    case v1::Refusal::kOutOfOrder:
      return {409, "Go on with last_number + 1."};
    case v1::Refusal::kAlreadyAccepted:
      return {409, "Nothing needs to be repeated; go on with last_number + 1."};
    case v1::Refusal::kUnknownRun:
      return {409, "Begin with number 1 under a new name."};
    case v1::Refusal::kResourceExhausted:
      return {429, "Repeat the same request later; nothing was taken."};
    case v1::Refusal::kInvalidArgument:
      return {400, "Correct the request before repeating it."};
    case v1::Refusal::kPermissionDenied:
      return {403, "Use a token that may do this."};
    case v1::Refusal::kStoreAway:
    case v1::Refusal::kNotNow:
      return {503, "Repeat the same request after Retry-After."};
    default:
      return {409, "Look at the connection before repeating it."};
  }
}

// ---- without one ----

HttpProblem away(const std::string& what) {
  HttpProblem made = problem(503, "UNAVAILABLE", what,
                             "Repeat the same request after Retry-After; what was taken already is "
                             "not taken twice.");
  made.after_ms = away_after_ms;
  return made;
}

HttpProblem of_status(const absl::Status& status) {
  const std::string said = sentence(std::string(status.message()));
  switch (status.code()) {
    case absl::StatusCode::kUnauthenticated:
      return problem(401, "UNAUTHENTICATED", said,
                     "Send `Authorization: Bearer <token>` with a token of the coordinator's "
                     "--token_file.");
    case absl::StatusCode::kPermissionDenied:
      return problem(403, "PERMISSION_DENIED", said, "Use a token that has the role.");
    case absl::StatusCode::kInvalidArgument:
      return problem(400, "INVALID_ARGUMENT", said, "Correct the request before repeating it.");
    case absl::StatusCode::kNotFound:
      return problem(404, "NOT_FOUND", said, "Check the key.");
    case absl::StatusCode::kResourceExhausted: {
      HttpProblem made = problem(429, "RESOURCE_EXHAUSTED", said, "Repeat the request later.");
      made.after_ms = away_after_ms;
      return made;
    }
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kCancelled:
      return away("The coordinator cannot be reached now");
    case absl::StatusCode::kDeadlineExceeded:
      return away("The coordinator did not answer in time");
    default:
      return problem(500, "INTERNAL", "The coordinator failed",
                     "Its log says more; repeating the same request does no harm.");
  }
}

}  // namespace

HttpAnswer to_answer(const HttpProblem& problem) {
  boost::json::object body;
  body["type"] = "about:blank";
  body["title"] = boost::json::string_view(phrase_of(problem.status));
  body["status"] = problem.status;
  body["detail"] = problem.detail;
  body["reason"] = problem.reason;
  for (const auto& [name, text] : problem.texts) body[name] = text;
  for (const auto& [name, number] : problem.numbers) body[name] = number;

  HttpAnswer answer;
  answer.status = problem.status;
  answer.content_type = "application/problem+json";
  answer.body = boost::json::serialize(body) + "\n";
  if (problem.status == 401) answer.fields.emplace_back("WWW-Authenticate", "Bearer");
  if (!problem.allow.empty()) answer.fields.emplace_back("Allow", problem.allow);
  if (problem.after_ms > 0) {
    answer.fields.emplace_back("Retry-After", std::to_string((problem.after_ms + 999) / 1000));
  }
  return answer;
}

HttpProblem problem_of(const ApiFailure& failure) {
  if (!failure.refusal) return of_status(failure.status);
  const Meaning meaning = meaning_of(*failure.refusal);
  return of_numbers(*failure.refusal,
                    problem(meaning.status, reason_name(*failure.refusal),
                            sentence(std::string(failure.status.message())), meaning.advice));
}

}  // namespace interlock
