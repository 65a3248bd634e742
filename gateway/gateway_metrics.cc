#include "gateway/gateway_metrics.h"

#include <string>

#include "gateway/close_code.h"

namespace interlock {
namespace {

// A client may close with any number: only those that mean something become labels.
std::string code_label(std::uint16_t code) {
  constexpr std::uint16_t protocol_error = 1002;  // RFC 6455, 7.4.1
  constexpr std::uint16_t invalid_payload = 1007;
  const bool known =
      close_code_name(code) != "other" || code == protocol_error || code == invalid_payload;
  return known ? std::to_string(code) : "other";
}

}  // namespace

std::string_view to_string(CloseOrigin origin) {
  switch (origin) {
    case CloseOrigin::kClient:
      return "client";
    case CloseOrigin::kGateway:
      return "gateway";
    case CloseOrigin::kNetwork:
      return "network";
  }
  return "network";
}

std::string_view to_string(HandshakeStep step) {
  switch (step) {
    case HandshakeStep::kClaim:
      return "claim";
    case HandshakeStep::kAccept:
      return "accept";
    case HandshakeStep::kOpen:
      return "open";
    case HandshakeStep::kReady:
      break;
  }
  return "ready";
}

GatewayMetrics::GatewayMetrics(Metrics& metrics)
    : closes_(metrics.counters("interlock_closes_total",
                               "Connections that ended, by close code and by who sent it.")),
      refusals_(metrics.counters("interlock_upgrades_refused_total",
                                 "Upgrades that were refused, by HTTP status and reason.")),
      messages_(metrics.counters("interlock_messages_total",
                                 "Messages of clients, by what became of them at the backend.")),
      api_answers_(metrics.counters("interlock_http_api_answers_total",
                                    "Answers of the HTTP API, by HTTP status.")),
      sockets(metrics.gauge("interlock_sockets", "Open client sockets, whatever they are at.")),
      sessions(metrics.gauge("interlock_sessions", "Sessions from their claim to their end.")),
      draining(metrics.gauge("interlock_draining", "1 while the gateway stops.")),
      events_sent(metrics.counter("interlock_events_sent_total",
                                  "Numbered events written to clients, repetitions included.")),
      transients_dropped(metrics.counter(
          "interlock_transients_dropped_total",
          "Transient events of backends whose durable event did not come in time, or ever.")),
      handshake_seconds(metrics.histogram("interlock_handshake_seconds",
                                          "From the accepted connection to the written 101.",
                                          buckets_short_seconds)),
      session_seconds(metrics.histogram("interlock_session_seconds",
                                        "How long upgraded connections lasted.",
                                        buckets_long_seconds)) {
  for (std::size_t number = 0; number < handshake_steps; ++number) {
    const std::string step(to_string(static_cast<HandshakeStep>(number)));
    handshake_steps_[number] = &metrics.histogram("interlock_handshake_step_seconds",
                                                  "Steps of the handshake that went well.",
                                                  buckets_short_seconds, {{"step", step}});
  }
}

void GatewayMetrics::closed(std::uint16_t code, CloseOrigin origin) {
  closes_.Add({{"code", code_label(code)}, {"origin", std::string(to_string(origin))}}).Increment();
}

void GatewayMetrics::refused(std::uint16_t status, std::string_view reason) {
  refusals_.Add({{"status", std::to_string(status)}, {"reason", std::string(reason)}}).Increment();
}

void GatewayMetrics::message(std::string_view result) {
  messages_.Add({{"result", std::string(result)}}).Increment();
}

void GatewayMetrics::handshake_step(HandshakeStep step, double seconds) {
  handshake_steps_[static_cast<std::size_t>(step)]->Observe(seconds);
}

void GatewayMetrics::api_answered(std::uint16_t status) {
  api_answers_.Add({{"status", std::to_string(status)}}).Increment();
}

}  // namespace interlock
