#include "gateway/webhook_backend_client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/trace_context.h"
#include "gateway/backend_call.h"
#include "gateway/http_poster.h"
#include "gateway/webhook_event.h"

namespace interlock {
namespace {

std::int64_t unix_ms_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

struct WebhookCalls : BackendCalls {
  explicit WebhookCalls(const WebhookBackendSettings& with)
      : BackendCalls({with.calls_max, with.attempts, with.may_act}),
        settings(with),
        poster({.ca_file = with.ca_file}) {}

  WebhookBackendSettings settings;
  HttpPoster poster;
};

class WebhookCall final : public BackendCall {
 public:
  WebhookCall(WebhookCalls& calls, std::uint64_t timeout_ms,
              std::function<void(BackendAnswer)> done, WebhookEvent event, std::string traceparent)
      : BackendCall(calls, timeout_ms, std::move(done)),
        webhook_(calls),
        event_(std::move(event)),
        traceparent_(std::move(traceparent)) {}

 private:
  void attempt() override {
    Post post;
    post.url = webhook_.settings.url;
    post.headers = headers();
    post.body = event_.body;
    post.timeout_ms = std::max<std::uint64_t>(left_ms(), 1);
    // Moved on, since the poster's thread must not be the last to hold a call.
    number_ = webhook_.poster.post(
        std::move(post), [this, self = shared_from_this()](PostAnswer answer) mutable {
          calls_.thread.post([this, self = std::move(self), answer = std::move(answer)] {
            WebhookVerdict verdict = verdict_of(answer);
            attempt_ended({verdict.outcome, std::move(verdict.answer), verdict.after_ms});
          });
        });
  }
  void cancel_attempt() override { webhook_.poster.cancel(number_); }

  std::vector<std::string> headers() const {
    const std::int64_t now_s = unix_ms_now() / 1'000;
    std::vector<std::string> headers = {
        "Content-Type: application/cloudevents+json; charset=utf-8",
        "webhook-id: " + event_.id,
        "webhook-timestamp: " + std::to_string(now_s),
        "webhook-signature: " +
            webhook_signature(webhook_.settings.key, event_.id, now_s, event_.body),
    };
    if (!webhook_.settings.token.empty()) {
      headers.push_back("Authorization: Bearer " + webhook_.settings.token);
    }
    if (!traceparent_.empty()) {
      headers.push_back(std::string(traceparent_name) + ": " + traceparent_);
    }
    return headers;
  }

  WebhookCalls& webhook_;
  WebhookEvent event_;
  std::string traceparent_;
  std::uint64_t number_ = 0;
};

}  // namespace

class WebhookBackendClient::Owner : public WebhookCalls {
 public:
  using WebhookCalls::WebhookCalls;
  ~Owner() {
    thread.post([this] { stop(); });
    thread.join();
  }
  void begin(std::uint64_t timeout_ms, std::function<void(BackendAnswer)> done,
             WebhookEvent event, std::string traceparent) {
    thread.post([this, timeout_ms, done = std::move(done), event = std::move(event),
                 traceparent = std::move(traceparent)]() mutable {
      std::make_shared<WebhookCall>(*this, timeout_ms, std::move(done), std::move(event),
                                    std::move(traceparent))
          ->start();
    });
  }
};

WebhookBackendClient::WebhookBackendClient(const WebhookBackendSettings& settings)
    : owner_(std::make_unique<Owner>(settings)) {}

WebhookBackendClient::~WebhookBackendClient() = default;

void WebhookBackendClient::open(v1::OpenRequest request, std::function<void(BackendAnswer)> done,
                                std::string traceparent) {
  owner_->begin(owner_->settings.open_timeout_ms, std::move(done),
                open_event(request, unix_ms_now()), std::move(traceparent));
}

void WebhookBackendClient::receive(v1::ReceiveRequest request,
                                   std::function<void(BackendAnswer)> accepted,
                                   std::function<void(v1::Transient)> /*transient*/,
                                   std::string traceparent) {
  owner_->begin(owner_->settings.accept_timeout_ms, std::move(accepted),
                message_event(request, unix_ms_now()), std::move(traceparent));
}

void WebhookBackendClient::closed(v1::ClosedRequest request,
                                  std::function<void(BackendAnswer)> done) {
  owner_->begin(owner_->settings.closed_timeout_ms, std::move(done),
                closed_event(request, unix_ms_now()), {});
}

const BackendCounters& WebhookBackendClient::counters() const { return owner_->counters; }

}  // namespace interlock
