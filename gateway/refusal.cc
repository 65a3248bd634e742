#include "gateway/refusal.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string_view>

namespace interlock {
namespace {

std::string_view name_of(const RefuseUpgrade& refusal) {
  return close_code_name(static_cast<std::uint16_t>(refusal.code));
}

}  // namespace

HttpAnswer http_refusal(const RefuseUpgrade& refusal) {
  boost::json::object body;
  body["status"] = refusal.http;
  if (refusal.code != CloseCode::kNoStatus) {
    body["code"] = static_cast<std::uint16_t>(refusal.code);
    body["name"] = boost::json::string_view(name_of(refusal));
  }
  body["message"] = refusal.message;
  if (refusal.after_ms > 0) body["after_ms"] = refusal.after_ms;
  if (refusal.current_generation > 0) body["generation"] = refusal.current_generation;

  HttpAnswer answer;
  answer.status = refusal.http;
  answer.content_type = "application/json";
  answer.body = boost::json::serialize(body) + "\n";
  if (refusal.http == 401) answer.fields.emplace_back("WWW-Authenticate", "Bearer");
  if (refusal.http == 426) {
    answer.fields.emplace_back("Upgrade", "websocket");
    answer.fields.emplace_back("Sec-WebSocket-Version", "13");
  }
  if (refusal.after_ms > 0) {
    answer.fields.emplace_back("Retry-After", std::to_string((refusal.after_ms + 999) / 1000));
  }
  return answer;
}

std::string close_reason(const RefuseUpgrade& refusal) {
  CloseDetail detail;
  detail.after_ms = refusal.after_ms;
  detail.generation = refusal.current_generation;
  detail.sentence = refusal.message;
  return close_reason(refusal.code, detail);
}

}  // namespace interlock
