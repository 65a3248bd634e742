// The backend as a webhook.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "gateway/backend_attempts.h"
#include "gateway/backend_client.h"
#include "gateway/backend_counters.h"

namespace interlock {

struct WebhookBackendSettings {
  std::string url;                           // as check_webhook_url takes it
  std::string key;                           // of the signature, at least 24 bytes
  std::string token;                         // for `Authorization: Bearer`; empty: none
  std::string ca_file;                       // whom to believe; empty: the system's authorities
  std::uint64_t open_timeout_ms = 5'000;     // with all retries, as the two below
  std::uint64_t accept_timeout_ms = 10'000;  // of a message
  std::uint64_t closed_timeout_ms = 5'000;
  std::uint32_t calls_max = 2'000;           // under way; one more is kUnavailable at once
  AttemptLimits attempts;
  std::function<bool()> may_act;             // as for the other backends
};

// Each call is a POST of a CloudEvent, signed anew for each attempt; webhook_answer.h says what the
// answers mean. There are no transient events: what is to reach the client is published.
class WebhookBackendClient final : public BackendClient {
 public:
  explicit WebhookBackendClient(const WebhookBackendSettings& settings);
  // Cancels what is under way and waits for its end; nothing is called afterwards. Not from a
  // callback.
  ~WebhookBackendClient() override;
  WebhookBackendClient(const WebhookBackendClient&) = delete;
  WebhookBackendClient& operator=(const WebhookBackendClient&) = delete;

  void open(v1::OpenRequest request, std::function<void(BackendAnswer)> done,
            std::string traceparent) override;
  void receive(v1::ReceiveRequest request, std::function<void(BackendAnswer)> accepted,
               std::function<void(v1::Transient)> transient, std::string traceparent) override;
  void closed(v1::ClosedRequest request, std::function<void(BackendAnswer)> done) override;

  const BackendCounters& counters() const;

 private:
  class Owner;
  std::unique_ptr<Owner> owner_;
};

}  // namespace interlock
