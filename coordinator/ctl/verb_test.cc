// The verb that tries everything out: test.
#include <fmt/format.h>
#include <poll.h>

#include <boost/json.hpp>
#include <chrono>
#include <string>
#include <utility>

#include "common/connection_key.h"
#include "common/identity.h"
#include "coordinator/ctl/admin_client.h"
#include "coordinator/ctl/events_client.h"
#include "coordinator/ctl/round_trip.h"
#include "coordinator/ctl/table.h"
#include "coordinator/ctl/text.h"
#include "coordinator/ctl/verbs.h"
#include "coordinator/ctl/websocket_client.h"

namespace interlock {
namespace {

constexpr int look_every_ms = 50;
constexpr std::uint64_t events_max = 200;  // what is published at once stays below an outbox
constexpr std::uint64_t patience_ms_max = 600'000;
// No client's own session begins so: a test never takes somebody's connection over.
constexpr const char* session_prefix = "ctl-test-";
constexpr std::size_t random_digits = 12;

class RealWorld final : public RoundTripWorld {
 public:
  RealWorld(AdminClient admin, EventsClient events, std::string client_token,
            std::chrono::milliseconds timeout)
      : admin_(std::move(admin)),
        events_(std::move(events)),
        client_token_(std::move(client_token)),
        timeout_(timeout) {}

  std::int64_t now_ms() override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  }
  void pause() override { poll(nullptr, 0, look_every_ms); }

  SocketOpening open(const std::string& url, const std::string& query) override {
    return socket_.open(*parse_websocket_url(url), query, client_token_, timeout_);
  }
  SocketNews read(std::int64_t timeout_ms) override {
    return socket_.read(std::chrono::milliseconds(timeout_ms));
  }
  void send(const std::string& text) override { socket_.send(text, timeout_); }
  void cut() override { socket_.cut(); }
  SocketEnd close() override { return socket_.close(timeout_); }

  std::string coordinator() override { return to_string(admin_.coordinator()); }
  Outcome stats(v1::StatsResponse& answer) override { return admin_.stats(answer); }
  Outcome get_latest(const std::string& key, v1::Connection& answer) override {
    v1::GetRequest request;
    request.set_key(key);
    request.set_consistency(v1::LATEST);
    return admin_.get(request, answer);
  }
  Outcome explain(const std::string& key, v1::ExplainResponse& answer) override {
    v1::ExplainRequest request;
    request.set_key(key);
    return admin_.explain(request, answer);
  }
  Outcome publish(const v1::PublishRequest& request, v1::Receipt& answer) override {
    return events_.publish(request, answer);
  }

 private:
  AdminClient admin_;
  EventsClient events_;
  std::string client_token_;
  std::chrono::milliseconds timeout_;
  WebSocketClient socket_;
};

absl::StatusOr<RoundTripPlan> plan_of(const VerbArguments& arguments) {
  RoundTripPlan plan;
  for (const std::string& operand : arguments.operands) {
    const auto url = parse_websocket_url(operand);
    if (!url.ok()) return url.status();
    (plan.first_url.empty() ? plan.first_url : plan.second_url) = to_string(*url);
  }
  if (plan.second_url.empty()) plan.second_url = plan.first_url;
  const auto events = arguments.number("events");
  if (!events.ok()) return events.status();
  if (*events > events_max) {
    return absl::InvalidArgumentError(fmt::format("--events takes 1 to {}.", events_max));
  }
  if (*events > 0) plan.events = *events;
  const auto patience_ms = arguments.duration_ms("patience");
  if (!patience_ms.ok()) return patience_ms.status();
  if (*patience_ms > patience_ms_max)
    return absl::InvalidArgumentError("--patience takes at most 10m.");
  if (*patience_ms > 0) plan.patience_ms = static_cast<std::int64_t>(*patience_ms);
  plan.session =
      session_prefix + (arguments.has("session") ? arguments.value("session")
                                                 : make_identity().substr(0, random_digits));
  if (!valid_session(plan.session)) {
    return absl::InvalidArgumentError(
        fmt::format("--session takes up to {} of [A-Za-z0-9_-].",
                    session_bytes_max - std::string_view(session_prefix).size()));
  }
  return plan;
}

std::string json_step(const RoundTripStep& step) {
  const boost::json::object object{
      {"step", step.name}, {"ok", step.ok}, {"ms", step.ms}, {"text", step.text}};
  return boost::json::serialize(object) + "\n";
}

// The tick is the first thing that is read; a terminal that has none gets words.
std::string human_step(const RoundTripStep& step, const Output& output) {
  const std::string_view mark =
      step.ok ? (output.utf8() ? "✓" : "ok") : (output.utf8() ? "✗" : "FAILED");
  return fmt::format("{} {:<12}{:>6}ms  {}\n",
                     paint(mark, step.ok ? Style::kGood : Style::kBad, output.colour()), step.name,
                     step.ms, step.text);
}

Outcome run_test(Tool& tool, const VerbArguments& arguments) {
  const auto plan = plan_of(arguments);
  if (!plan.ok()) return usage_failure(plan.status());
  const auto client_token = read_token_file(arguments.value("client_token_file"));
  if (!client_token.ok()) return usage_failure(client_token.status());
  auto admin = AdminClient::make(tool.settings);
  if (!admin.ok()) return usage_failure(admin.status());
  auto events = EventsClient::make(tool.settings);
  if (!events.ok()) return usage_failure(events.status());
  RealWorld world(*std::move(admin), *std::move(events), *client_token,
                  std::chrono::milliseconds(plan->patience_ms));
  std::string last;
  const Outcome outcome = run_round_trip(*plan, world, [&](const RoundTripStep& step) {
    last = step.name;
    tool.output.print(tool.settings.json ? json_step(step) : human_step(step, tool.output));
  });
  if (!outcome) {
    if (!tool.settings.json) tool.output.note("Everything works.");
    return std::nullopt;
  }
  return Failure{outcome->code,
                 fmt::format("The test ended at the step `{}`; its line says why.", last)};
}

}  // namespace

Verb test_verb() {
  return {
      .name = "test",
      .operands = "GATEWAY_URL [SECOND_GATEWAY_URL]",
      .operands_min = 1,
      .operands_max = 2,
      .flags = {{"client_token_file", "FILE", "A client's token, where gateways want one."},
                {"events", "N", "So many before the socket is cut, and again after (5)."},
                {"patience", "DURATION", "How long to wait for each thing (10s)."},
                {"session", "NAME", "The session is ctl-test-NAME; left out: a random one."}},
      .summary = "Try everything out, and say what is broken",
      .description =
          "Connects as a client, publishes numbered events, cuts the socket, publishes more, comes "
          "back through the second gateway (or the same one), checks that every event came once "
          "and in order, and closes with 1000. A line for each step, with what it took. The "
          "gateway's backend sees one client come and go. Certificates of wss:// are checked "
          "against the system's authorities. The tool's own token needs the roles READER and "
          "PUBLISHER.",
      .examples = {"interlockctl test ws://127.0.0.1:8080",
                   "interlockctl test wss://a.example.com wss://b.example.com "
                   "--client_token_file=client.jwt"},
      .run = run_test};
}

}  // namespace interlock
