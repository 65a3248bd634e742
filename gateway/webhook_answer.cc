#include "gateway/webhook_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <string_view>

#include "common/host_port.h"

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

absl::Status wrong(const std::string& url, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("\"{}\" is no backend's URL: {}.", url, why));
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

absl::Status check_webhook_url(const std::string& url) {
  constexpr std::string_view secure = "https://";
  constexpr std::string_view plain = "http://";
  const bool tls = url.starts_with(secure);
  if (!tls && !url.starts_with(plain)) return wrong(url, "it begins with https://");
  const bool clean = std::ranges::all_of(
      url, [](char c) { return ' ' < c && c < '\x7f' && c != '\\' && c != '#' && c != '@'; });
  if (!clean) return wrong(url, "spaces, '\\', '#' and '@' have no place in it");
  const std::string_view behind = std::string_view(url).substr((tls ? secure : plain).size());
  std::string authority(behind.substr(0, behind.find_first_of("/?")));
  const auto colon = authority.rfind(':');
  if (colon == std::string::npos || authority.ends_with(']')) authority += tls ? ":443" : ":80";
  const auto parsed = parse_host_port(authority);
  if (!parsed.ok() || parsed->host.empty() || parsed->port == 0) {
    return wrong(url, "it needs a host, and a port only from 1 to 65535");
  }
  if (tls || is_loopback(parsed->host)) return absl::OkStatus();
  return wrong(url, "without TLS it may only be on a loopback address; use https://");
}

}  // namespace interlock
