// Where a test's spans go: a small OTLP collector on loopback.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/gateway/webhook_server.h"

namespace interlock {

struct SeenSpan {
  std::string service, trace, id, parent, name, failure;
  boost::json::value whole;
};

class Collector {
 public:
  // `status`: of every answer.
  explicit Collector(int status = 200)
      : server_([status](const WebhookRequest&, const WebhookWrite& write) {
          write(http_response(status, "Content-Type: application/json\r\n", "{}"));
        }) {}

  std::string url() const { return server_.url("/v1/traces"); }
  std::vector<WebhookRequest> requests() const { return server_.requests(); }

  std::vector<SeenSpan> spans() const {
    std::vector<SeenSpan> seen;
    for (const WebhookRequest& request : server_.requests()) {
      const boost::json::value body = boost::json::parse(request.body);
      const boost::json::value& resource = body.at("resourceSpans").at(0);
      const std::string service =
          text(resource.at("resource").at("attributes").at(0).at("value").at("stringValue"));
      for (const auto& span : resource.at("scopeSpans").at(0).at("spans").as_array()) {
        seen.push_back(
            {service, text(span.at("traceId")), text(span.at("spanId")),
             span.as_object().contains("parentSpanId") ? text(span.at("parentSpanId")) : "",
             text(span.at("name")),
             span.as_object().contains("status") ? text(span.at("status").at("message")) : "",
             span});
      }
    }
    return seen;
  }
  // Once there are so many; what there is when they do not come.
  std::vector<SeenSpan> wait_for(std::size_t count) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(15);
    while (spans().size() < count && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    return spans();
  }

 private:
  static std::string text(const boost::json::value& value) {
    return boost::json::value_to<std::string>(value);
  }

  WebhookServer server_;
};

// The first one of this name; one without a name when there is none.
inline SeenSpan span_of(const std::vector<SeenSpan>& spans, const std::string& name) {
  const auto found = std::find_if(spans.begin(), spans.end(),
                                  [&](const SeenSpan& span) { return span.name == name; });
  return found == spans.end() ? SeenSpan{} : *found;
}

}  // namespace interlock
