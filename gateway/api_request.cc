#include "gateway/api_request.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/connection_key.h"
#include "common/json_check.h"
#include "common/trace_context.h"
#include "gateway/json_members.h"

namespace interlock {
namespace {

constexpr std::string_view api_prefix = "/v1/";
constexpr std::string_view connections_prefix = "/v1/connections/";
constexpr std::string_view events_suffix = "/events";

HttpProblem refused(std::uint16_t status, std::string reason, std::string detail) {
  HttpProblem problem;
  problem.status = status;
  problem.reason = std::move(reason);
  problem.detail = std::move(detail);
  return problem;
}

HttpProblem invalid(std::string field, std::string detail) {
  HttpProblem problem = refused(400, "INVALID_ARGUMENT", std::move(detail));
  problem.texts.emplace_back("field", std::move(field));
  return problem;
}

// ---- the head ----

int hex_of(char c) {
  if ('0' <= c && c <= '9') return c - '0';
  if ('a' <= c && c <= 'f') return c - 'a' + 10;
  if ('A' <= c && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Nothing when an escape is cut off or not hexadecimal.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_of(text[i + 1]);
    const int low = hex_of(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return ' ' < c && c < '\x7f'; });
}

std::optional<HttpProblem> take_token(const HttpRequest& request, ApiCall& call) {
  const std::string_view token = bearer_token_of(request);
  if (token.empty() && !trim(field_of(request, "Authorization")).empty()) {
    return refused(401, "UNAUTHENTICATED",
                   "The Authorization field has no bearer token. Send `Authorization: Bearer "
                   "<token>`.");
  }
  if (token.size() > api_token_bytes_max || !printable(token)) {
    return refused(401, "UNAUTHENTICATED",
                   "The bearer token is longer than 4096 bytes or has characters that a token "
                   "cannot have. Send one of the coordinator's --token_file.");
  }
  call.token = token;
  return std::nullopt;
}

std::optional<HttpProblem> take_idempotency_key(const HttpRequest& request, ApiCall& call) {
  std::string_view key = trim(field_of(request, "Idempotency-Key"));
  // A structured field would be in quotes; they are not part of the key.
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') {
    key = key.substr(1, key.size() - 2);
  }
  if (key.size() > idempotency_key_bytes_max || !printable(key)) {
    return invalid("Idempotency-Key",
                   "The Idempotency-Key is longer than 128 bytes, or not of visible ASCII "
                   "characters. Make a shorter one, a UUID for example.");
  }
  call.idempotency_key = key;
  return std::nullopt;
}

bool is_json(const HttpRequest& request) {
  const std::string_view type = field_of(request, "Content-Type");
  return equal_ignoring_case(trim(type.substr(0, type.find(';'))), "application/json");
}

std::optional<HttpProblem> check_method(const HttpRequest& request, ApiCall& call) {
  const bool post = request.method == "POST";
  const bool head = request.method == "HEAD";
  const bool look = head || request.method == "GET";
  if (call.kind == ApiCall::Kind::kPublish ? post : look) {
    call.with_body = !head;
    return std::nullopt;
  }
  const bool publish = call.kind == ApiCall::Kind::kPublish;
  HttpProblem problem = refused(
      405, "METHOD_NOT_ALLOWED",
      publish ? "Events are published with POST." : "A connection is looked at with GET or HEAD.");
  problem.allow = publish ? "POST" : "GET, HEAD";
  return problem;
}

// ---- the body ----

// The members that an event may have, as they stand; empty: not there.
struct EventFields {
  std::string_view type, data, run, number, ttl_ms;

  std::string_view* find(std::string_view name) {
    if (name == "type") return &type;
    if (name == "data") return &data;
    if (name == "run") return &run;
    if (name == "number") return &number;
    if (name == "ttl_ms") return &ttl_ms;
    return nullptr;
  }
};

std::optional<HttpProblem> cut_into_fields(std::string_view body, EventFields& fields) {
  if (const auto error = check_json(body, event_data_depth_max + 1)) {
    const bool deep = error == boost::json::error::too_deep;
    return invalid("body", deep ? "The body's data is nested deeper than 64. Flatten it."
                                : "The body is not one JSON value in UTF-8. Correct it.");
  }
  if (!is_json_object(body)) {
    return invalid("body", "The body is not a JSON object. Send {\"type\":\"...\",\"data\":...}.");
  }
  for (JsonMembers members(body); members.next();) {
    std::string_view* field = fields.find(*json_text(members.name));
    if (field == nullptr) {
      return invalid("body",
                     "The body has a member that is none of type, data, run, number and "
                     "ttl_ms. Leave it out.");
    }
    // Whoever reads it next might believe the other one.
    if (!field->empty()) return invalid("body", "The body has a member twice. Leave one out.");
    *field = members.value;
  }
  return std::nullopt;
}

// An absent member leaves what there is; false: it is not a string.
bool take_text(std::string_view value, std::string* out) {
  if (value.empty()) return true;
  auto text = json_text(value);
  if (text) *out = *std::move(text);
  return text.has_value();
}

std::optional<std::uint64_t> number_or_0(std::string_view value) {
  return value.empty() ? 0 : json_number(value);
}

std::optional<HttpProblem> check_place(const v1::PublishRequest& event) {
  if (!event.run().empty() && event.number() == 0) {
    return invalid("number", "An event of a run needs its number in it, from 1 on.");
  }
  if (event.run().empty() && event.number() != 0) {
    return invalid("run", "A number counts within a run. Name the run, or leave the number out.");
  }
  if (event.run().empty() && event.idempotency_key().empty()) {
    return invalid("Idempotency-Key",
                   "An event outside a run needs an Idempotency-Key field, so that a repetition "
                   "does no harm. Make a new one for each event, and repeat it with the event.");
  }
  return std::nullopt;
}

}  // namespace

bool is_api_target(std::string_view target) { return target.starts_with(api_prefix); }

std::variant<ApiCall, HttpProblem> read_api_head(const HttpRequest& request) {
  std::string_view segment = path_of(request.target);
  ApiCall call;
  if (segment.ends_with(events_suffix)) {
    call.kind = ApiCall::Kind::kPublish;
    segment.remove_suffix(events_suffix.size());
  }
  if (!segment.starts_with(connections_prefix) || segment.size() == connections_prefix.size() ||
      segment.find('/', connections_prefix.size()) != std::string_view::npos) {
    return refused(404, "NO_SUCH_PATH",
                   "There are /v1/connections/{key} and /v1/connections/{key}/events; a slash in "
                   "the key is written %2F.");
  }
  segment.remove_prefix(connections_prefix.size());
  if (auto wrong = check_method(request, call)) return *std::move(wrong);
  if (auto wrong = take_token(request, call)) return *std::move(wrong);
  auto key = percent_decoded(segment);
  if (!key || !valid_connection_key(*key)) {
    return invalid("key",
                   "The path has no valid connection key. Take it from hello or from the "
                   "backend's call, and percent-encode it once, %25 for a percent sign.");
  }
  call.key = *std::move(key);
  if (call.kind == ApiCall::Kind::kLook) return call;
  if (!is_json(request)) {
    return refused(415, "UNSUPPORTED_MEDIA_TYPE",
                   "The body's Content-Type is not application/json. Send JSON, and say so.");
  }
  if (auto wrong = take_idempotency_key(request, call)) return *std::move(wrong);
  if (const auto trace = parse_traceparent(traceparent_of(request))) {
    call.traceparent = to_traceparent(*trace);
  }
  return call;
}

std::variant<v1::PublishRequest, HttpProblem> read_publish(const ApiCall& call,
                                                           std::string_view body) {
  EventFields fields;
  if (auto wrong = cut_into_fields(body, fields)) return *std::move(wrong);
  v1::PublishRequest event;
  event.set_key(call.key);
  event.set_idempotency_key(call.idempotency_key);
  event.set_traceparent(call.traceparent);
  if (fields.type.empty() || !take_text(fields.type, event.mutable_type())) {
    return invalid("type", "The event needs a type, a string of 1 to 64 of [A-Za-z0-9_.:-].");
  }
  if (fields.data.empty()) return invalid("data", "The event needs data; null is a value too.");
  if (fields.data.size() > event_data_bytes_max) return body_too_large();
  event.set_payload(std::string(fields.data));
  if (!take_text(fields.run, event.mutable_run())) {
    return invalid("run", "The run's name is not a string.");
  }
  const auto number = number_or_0(fields.number);
  if (!number) return invalid("number", "The number is not a whole number from 1 on.");
  event.set_number(*number);
  const auto ttl_ms = number_or_0(fields.ttl_ms);
  if (!ttl_ms) return invalid("ttl_ms", "ttl_ms is not a whole number of milliseconds.");
  event.set_ttl_ms(*ttl_ms);
  if (auto wrong = check_place(event)) return *std::move(wrong);
  return event;
}

HttpProblem body_too_large() {
  HttpProblem problem =
      refused(413, "PAYLOAD_TOO_LARGE",
              "An event's data may have 65536 bytes. Send less, or a reference to it.");
  problem.numbers.emplace_back("data_bytes_max", event_data_bytes_max);
  return problem;
}

}  // namespace interlock
