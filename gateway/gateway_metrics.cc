#include "gateway/gateway_metrics.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "absl/strings/numbers.h"
#include "common/process_memory.h"
#include "common/version.h"
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

constexpr int kClosesToldMax = 64;
constexpr const char* kResumesHelp =
    "Clients that came back with a position: recovered when they could go on behind it.";

std::uint64_t whole(double value) { return static_cast<std::uint64_t>(std::max(value, 0.0)); }

// Over those of a family that have this label; an empty name: over all.
std::uint64_t total(const prometheus::Family<prometheus::Counter>& counters, std::string_view name,
                    std::string_view value) {
  double sum = 0;
  for (const auto& family : counters.Collect()) {
    for (const auto& metric : family.metric) {
      const auto named = [&](const auto& label) {
        return label.name == name && label.value == value;
      };
      const bool counts =
          name.empty() || std::any_of(metric.label.begin(), metric.label.end(), named);
      if (counts) sum += metric.counter.value;
    }
  }
  return whole(sum);
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
      resumes_recovered_(metrics.counter("interlock_resumes_total", kResumesHelp,
                                         {{"result", "recovered"}})),
      resumes_lost_(metrics.counter("interlock_resumes_total", kResumesHelp,
                                    {{"result", "lost"}})),
      started_unix_ms_(std::chrono::duration_cast<std::chrono::milliseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count()),
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
  // An alert on their increase must see them at 0 first.
  for (const char* code : {"1011", "4004"}) {
    for (const auto origin : {CloseOrigin::kClient, CloseOrigin::kGateway, CloseOrigin::kNetwork}) {
      closes_.Add({{"code", code}, {"origin", std::string(to_string(origin))}});
    }
  }
  for (std::size_t number = 0; number < handshake_steps; ++number) {
    const std::string step(to_string(static_cast<HandshakeStep>(number)));
    handshake_steps_[number] = &metrics.histogram("interlock_handshake_step_seconds",
                                                  "Steps of the handshake that went well.",
                                                  buckets_short_seconds, {{"step", step}});
  }
}

void GatewayMetrics::resumed(bool recovered) {
  (recovered ? resumes_recovered_ : resumes_lost_).Increment();
}

void GatewayMetrics::add_to(v1::GatewayLoad& load) const {
  load.set_started_unix_ms(started_unix_ms_);
  load.set_build(std::string(version()));
  load.set_sockets(whole(sockets.Value()));
  load.set_sessions(whole(sessions.Value()));
  copy_histogram(handshake_seconds, load.mutable_handshake());
  const auto& families = closes_.Collect();
  for (const auto& family : families) {
    for (const auto& metric : family.metric) {
      if (metric.counter.value == 0 || load.closes_size() >= kClosesToldMax) continue;
      v1::GatewayLoad::Closes& closes = *load.add_closes();
      closes.set_count(whole(metric.counter.value));
      for (const auto& label : metric.label) {
        if (label.name == "origin") closes.set_origin(label.value);
        std::uint32_t code = 0;  // 0: one that means nothing here
        if (label.name == "code" && absl::SimpleAtoi(label.value, &code)) closes.set_code(code);
      }
    }
  }
  load.set_resumes_recovered(whole(resumes_recovered_.Value()));
  load.set_resumes_lost(whole(resumes_lost_.Value()));
  load.set_events_sent(whole(events_sent.Value()));
  load.set_transients_dropped(whole(transients_dropped.Value()));
  load.set_messages(total(messages_, "result", "taken"));
  load.set_upgrades_refused(total(refusals_, {}, {}));
  load.set_memory_bytes(resident_bytes());
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
