// What a webhook backend's HTTP answer, or the lack of one, means.
//
// Pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "gateway/backend_attempts.h"
#include "gateway/backend_client.h"

namespace interlock {

// How a POST ended.
enum class PostOutcome : std::uint8_t {
  kAnswered,
  kNotReached,  // no connection: the request was not sent
  kFailed,      // broken off, untrusted, or not HTTP
  kTimedOut,
  kTooLarge,  // the answer is, and was not read further
  kCancelled,
};

struct PostAnswer {
  PostOutcome outcome = PostOutcome::kFailed;
  long status = 0;  // behind kAnswered, as the three below
  std::string content_type;
  std::string body;
  std::uint64_t retry_after_ms = 0;
  std::string error;  // what the library says, for people
};

struct WebhookVerdict {
  AttemptOutcome outcome = AttemptOutcome::kAnswered;
  BackendAnswer answer;
  std::uint64_t after_ms = 0;  // Retry-After
};

// 2xx: taken. 409: a higher generation was seen. 429 and 503: may be tried again. 502 and 504, no
// connection and no answer: unavailable. Everything else, redirects and huge answers too, is a
// rejection; its message is the `detail` of a JSON body (RFC 9457) when there is a short one.
WebhookVerdict verdict_of(const PostAnswer& answer);

// Whether it may be a webhook backend's address: https://host[:port][/path][?query], or http://
// for a loopback host. The status is a sentence.
absl::Status check_webhook_url(const std::string& url);

}  // namespace interlock
