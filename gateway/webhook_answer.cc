#include "gateway/webhook_answer.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <string_view>

#include "common/web_url.h"

namespace interlock {
namespace {

constexpr std::size_t detail_bytes_max = 512;

// Behind "application/json" and "application/problem+json"; empty: there is none that can be used.
std::string detail_of(const PostAnswer& answer) {
  if (answer.content_type.find("json") == std::string::npos) return {};
  boost::json::error_code error;
  const boost::json::value body = boost::json::parse(answer.body, error);
  if (error || !body.is_object()) return {};
  const boost::json::value* detail = body.as_object().if_contains("detail");
  if (detail == nullptr || !detail->is_string()) return {};
  const boost::json::string& text = detail->as_string();
  return text.size() > detail_bytes_max ? std::string() : std::string(text.data(), text.size());
}

WebhookVerdict unavailable(AttemptOutcome outcome, std::string message,
                           std::uint64_t after_ms = 0) {
  return {outcome, {BackendResult::kUnavailable, std::move(message)}, after_ms};
}

WebhookVerdict rejected(std::string message) {
  return {AttemptOutcome::kAnswered, {BackendResult::kRejected, std::move(message)}};
}

WebhookVerdict verdict_of_status(const PostAnswer& answer) {
  const long status = answer.status;
  std::string message = detail_of(answer);
  if (message.empty()) message = fmt::format("the backend answered with status {}", status);
  if (status >= 200 && status < 300) return {AttemptOutcome::kAnswered, {BackendResult::kOk, ""}};
  if (status >= 300 && status < 400) {
    return rejected(fmt::format(
        "the backend answered with a redirect ({}), which is not followed: --backend must name "
        "where it ends",
        status));
  }
  switch (status) {
    case 409:
      return {AttemptOutcome::kAnswered, {BackendResult::kRefused, std::move(message)}};
    case 429:
    case 503:
      return unavailable(AttemptOutcome::kNotReached, std::move(message), answer.retry_after_ms);
    case 502:
    case 504:
      return unavailable(AttemptOutcome::kOverloaded, std::move(message));
    default:
      return rejected(std::move(message));
  }
}

}  // namespace

WebhookVerdict verdict_of(const PostAnswer& answer) {
  switch (answer.outcome) {
    case PostOutcome::kAnswered:
      return verdict_of_status(answer);
    case PostOutcome::kNotReached:
      return unavailable(AttemptOutcome::kNotReached,
                         "the backend cannot be reached: " + answer.error);
    case PostOutcome::kTimedOut:
      return unavailable(AttemptOutcome::kOverloaded, "the backend did not answer in time");
    case PostOutcome::kTooLarge:
      return rejected("the backend's answer is larger than 64 KiB");
    case PostOutcome::kCancelled:
      return unavailable(AttemptOutcome::kOverloaded, "the gateway stops");
    case PostOutcome::kFailed:
      break;
  }
  return unavailable(AttemptOutcome::kOverloaded,
                     "the call to the backend failed: " + answer.error);
}

absl::Status check_webhook_url(const std::string& url) { return check_web_url(url); }

}  // namespace interlock
