#include "gateway/webhook_event.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/time/time.h"
#include "common/json_text.h"

namespace interlock {
namespace {

constexpr std::size_t id_digest_bytes = 16;

std::string quoted(const std::string& text) {
  std::string out;
  append_json_text(out, text);
  return out;
}

// Whatever a client puts into its ids, this can stand in a header and in the signed text.
std::string id_of(std::string_view kind, const std::string& key, const std::string& what) {
  const std::string named = fmt::format("{}\n{}\n{}", kind, key, what);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(named.data()), named.size(), digest.data());
  std::string id = std::string(kind) + "_";
  for (std::size_t i = 0; i < id_digest_bytes; ++i) id += fmt::format("{:02x}", digest[i]);
  return id;
}

WebhookEvent event_of(std::string_view kind, std::string id, const std::string& key,
                      std::int64_t now_unix_ms, std::string_view data) {
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ",
                                            absl::FromUnixMillis(now_unix_ms), absl::UTCTimeZone());
  WebhookEvent event;
  event.body = fmt::format(
      R"({{"specversion":"1.0","type":"interlock.v1.{}","source":"/interlock","id":"{}",)"
      R"("subject":{},"time":"{}","datacontenttype":"application/json","data":{}}})",
      kind, id, quoted(key), time, data);
  event.id = std::move(id);
  return event;
}

}  // namespace

WebhookEvent open_event(const v1::OpenRequest& request, std::int64_t now_unix_ms) {
  return event_of("open", id_of("open", request.key(), std::to_string(request.generation())),
                  request.key(), now_unix_ms,
                  fmt::format(R"({{"generation":{},"subject":{},"resumed":{}}})",
                              request.generation(), quoted(request.subject()), request.resumed()));
}

WebhookEvent message_event(const v1::ReceiveRequest& request, std::int64_t now_unix_ms) {
  return event_of("message", id_of("message", request.key(), request.message_id()), request.key(),
                  now_unix_ms,
                  fmt::format(R"({{"generation":{},"subject":{},"message_id":{},"data":{}}})",
                              request.generation(), quoted(request.subject()),
                              quoted(request.message_id()), request.data()));
}

WebhookEvent closed_event(const v1::ClosedRequest& request, std::int64_t now_unix_ms) {
  return event_of(
      "closed", id_of("closed", request.key(), std::to_string(request.generation())), request.key(),
      now_unix_ms,
      fmt::format(R"({{"generation":{},"subject":{},"reason":{}}})", request.generation(),
                  quoted(request.subject()), quoted(v1::Reason_Name(request.reason()))));
}

std::string webhook_signature(const std::string& key, std::string_view id,
                              std::int64_t timestamp_unix_seconds, std::string_view body) {
  const std::string text = fmt::format("{}.{}.{}", id, timestamp_unix_seconds, body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> code;
  unsigned int bytes = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), code.data(), &bytes);
  const std::string raw(reinterpret_cast<const char*>(code.data()), bytes);
  return "v1," + absl::Base64Escape(raw);
}

absl::StatusOr<std::string> parse_webhook_key(std::string text) {
  constexpr std::string_view prefix = "whsec_";
  absl::StripAsciiWhitespace(&text);
  if (text.starts_with(prefix)) {
    std::string decoded;
    if (!absl::Base64Unescape(text.substr(prefix.size()), &decoded)) {
      return absl::InvalidArgumentError("begins with whsec_ and goes on with what is not base64");
    }
    text = std::move(decoded);
  }
  if (text.size() >= webhook_key_bytes_min) return text;
  return absl::InvalidArgumentError(fmt::format("holds a key of {} bytes; it takes {} at least",
                                                text.size(), webhook_key_bytes_min));
}

}  // namespace interlock
