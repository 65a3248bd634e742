// What a webhook backend is sent: CloudEvents 1.0 as structured JSON, signed as Standard Webhooks
// says.
//
// Pure: the time is an argument. https://github.com/cloudevents/spec (v1.0.2, json-format) and
// https://github.com/standard-webhooks/standard-webhooks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "interlock/v1/backend.pb.h"

namespace interlock {

// One call to the backend, as it is sent in each of its attempts.
struct WebhookEvent {
  // The same for whatever repeats the call, by this gateway or another: a backend that has acted
  // on an id need not act again. Letters, digits and '_'.
  std::string id;
  std::string body;
};

// interlock.v1.open, interlock.v1.message and interlock.v1.closed. A message's data is in it byte
// for byte; it is JSON, which whoever received it has checked.
WebhookEvent open_event(const v1::OpenRequest& request, std::int64_t now_unix_ms);
WebhookEvent message_event(const v1::ReceiveRequest& request, std::int64_t now_unix_ms);
WebhookEvent closed_event(const v1::ClosedRequest& request, std::int64_t now_unix_ms);

// What webhook-signature says: "v1,<base64 of the HMAC-SHA256 of id.timestamp.body>".
std::string webhook_signature(const std::string& key, std::string_view id,
                              std::int64_t timestamp_unix_seconds, std::string_view body);

inline constexpr std::size_t webhook_key_bytes_min = 24;

// The key out of its file's text: `whsec_` and base64, or else the text itself. The status is the
// end of a sentence that begins with the file's name.
absl::StatusOr<std::string> parse_webhook_key(std::string text);

}  // namespace interlock
