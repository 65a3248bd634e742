// The verbs that change something: kick, release, gateway drain.
#include <fmt/format.h>
#include <poll.h>

#include <string>
#include <utility>

#include "coordinator/ctl/admin_client.h"
#include "coordinator/ctl/json.h"
#include "coordinator/ctl/refusal.h"
#include "coordinator/ctl/text.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

constexpr int kLookEveryMs = 500;

const VerbFlag reason_flag = {
    "reason", "TEXT", "Why: it goes into the coordinator's log and the connection's history."};

std::string kicked_line(const v1::KickResponse::Kicked& kicked, bool dry_run) {
  const std::string key = escape_control(kicked.key());
  if (kicked.has_refusal()) {
    return fmt::format("{}  not kicked: {}\n", key, human_sentence(kicked.refusal(), kicked.key()));
  }
  return fmt::format("{}  {}\n", key, dry_run ? "would be kicked" : "kicked");
}

absl::StatusOr<v1::KickRequest> kick_request(const VerbArguments& arguments) {
  v1::KickRequest request;
  if (!arguments.operands.empty()) request.set_key(arguments.operands.front());
  request.set_filter(arguments.value("filter"));
  request.set_all(arguments.has("all"));
  request.set_may_return(arguments.has("may_return"));
  request.set_reason(arguments.value("reason"));
  request.set_dry_run(arguments.has("dry_run"));
  const auto generation = arguments.number("generation");
  if (!generation.ok()) return generation.status();
  request.set_generation(*generation);
  const auto code = arguments.number("code");
  if (!code.ok()) return code.status();
  if (*code > 4'999) return absl::InvalidArgumentError("--code takes 4000 to 4999.");
  request.set_code(static_cast<std::uint32_t>(*code));
  if (request.dry_run() && request.reason().empty()) request.set_reason("dry run");
  return request;
}

Outcome run_kick(Tool& tool, const VerbArguments& arguments) {
  const auto request = kick_request(arguments);
  if (!request.ok()) return usage_failure(request.status());
  auto client = AdminClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  v1::KickResponse::Totals totals;
  v1::Refusal only;
  const auto take = [&](const v1::KickResponse& answer) {
    if (answer.has_done()) totals = answer.done();
    if (answer.kicked().has_refusal()) only = answer.kicked().refusal();
    if (tool.settings.json) return tool.output.print(json_line(answer));
    if (!answer.has_kicked()) return true;
    return tool.output.print(kicked_line(answer.kicked(), request->dry_run()));
  };
  if (const Outcome outcome = client->kick(*request, take)) return outcome;
  if (!request->key().empty() && totals.refused() > 0) {
    return Failure{ExitCode::kRefused, human_sentence(only, request->key())};
  }
  if (!tool.settings.json) {
    tool.output.note(fmt::format("{}{} kicked, {} not.", request->dry_run() ? "Dry run: " : "",
                                 totals.kicked(), totals.refused()));
  }
  return std::nullopt;
}

Outcome run_release(Tool& tool, const VerbArguments& arguments) {
  const auto generation = arguments.number("generation");
  if (!generation.ok()) return usage_failure(generation.status());
  auto client = AdminClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  v1::ForceReleaseRequest request;
  request.set_key(arguments.operands.front());
  request.set_generation(*generation);
  request.set_reason(arguments.value("reason"));
  if (const Outcome outcome = client->release(request)) return outcome;
  if (tool.settings.json) {
    tool.output.print(json_line(v1::ForceReleaseResponse()));
  } else {
    tool.output.note("It has no owner any more.");
  }
  return std::nullopt;
}

// Until the gateway owns nothing; nothing: it is gone, which is as good.
Outcome wait_until_empty(Tool& tool, AdminClient& client, const std::string& gateway_id) {
  std::uint64_t told = ~std::uint64_t{0};
  while (true) {
    v1::ListGatewaysResponse answer;
    if (const Outcome outcome = client.gateways(answer)) return outcome;
    std::uint64_t left = 0;
    for (const v1::GatewayInfo& gateway : answer.gateways()) {
      if (gateway.gateway_id() != gateway_id) continue;
      left = gateway.expired() ? 0 : gateway.connections();
      const bool more = !tool.settings.json || tool.output.print(json_line(gateway));
      if (!more) return std::nullopt;
    }
    if (left != std::exchange(told, left) && !tool.settings.json) {
      tool.output.note(fmt::format("{} connections left.", left));
    }
    if (left == 0) return std::nullopt;
    poll(nullptr, 0, kLookEveryMs);
  }
}

Outcome run_drain(Tool& tool, const VerbArguments& arguments) {
  const auto per_s = arguments.number("per_s");
  if (!per_s.ok()) return usage_failure(per_s.status());
  auto client = AdminClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  v1::DrainGatewayRequest request;
  request.set_gateway_id(arguments.operands.front());
  request.set_per_s(static_cast<std::uint32_t>(*per_s));
  request.set_reason(arguments.value("reason"));
  v1::DrainGatewayResponse answer;
  if (const Outcome outcome = client->drain(request, answer)) return outcome;
  if (arguments.has("wait")) return wait_until_empty(tool, *client, request.gateway_id());
  if (tool.settings.json) {
    tool.output.print(json_line(answer));
  } else {
    tool.output.note(
        fmt::format("It has {} connections, and sends them elsewhere; `interlockctl "
                    "gateways` shows how far it is.",
                    answer.connections()));
  }
  return std::nullopt;
}

}  // namespace

Verb kick_verb() {
  return {
      .name = "kick",
      .operands = "[KEY]",
      .operands_min = 0,
      .operands_max = 1,
      .flags = {reason_flag,
                {"may_return", "", "Close the socket only: the client reconnects and resumes."},
                {"code", "N", "The close code: 4500 to 4999, or 4000 to 4199 with --may_return."},
                {"generation", "N", "Only if this is the generation that stands."},
                {"filter", "FILTER", "All that match, instead of one key."},
                {"all", "", "Every live connection, instead of one key."},
                {"dry_run", "", "Only say who it would be."}},
      .summary = "End connections, or only their sockets",
      .description =
          "Without --may_return the connection ends, its client is told to stop (4502), and "
          "claims of its key are refused for as long as its record is kept (10 minutes).\n\n" +
          std::string(filter_help),
      .examples = {"interlockctl kick alice:tab-1 --reason='abuse, ticket 123'",
                   "interlockctl kick --filter='subject = alice' --may_return --dry_run"},
      .run = run_kick};
}

Verb release_verb() {
  return {
      .name = "release",
      .operands = "KEY",
      .operands_min = 1,
      .operands_max = 1,
      .flags = {{"generation", "N", "The generation that you have seen; another one is refused."},
                reason_flag},
      .summary = "Take a connection from its gateway by force",
      .description =
          "For a gateway that holds what it should not: the connection waits for its client, "
          "and whatever the gateway still does for it is refused.",
      .examples = {"interlockctl release alice:tab-1 --generation=17 --reason='gateway stuck'"},
      .run = run_release};
}

Verb gateway_drain_verb() {
  return {.name = "gateway drain",
          .operands = "GATEWAY",
          .operands_min = 1,
          .operands_max = 1,
          .flags = {{"per_s", "N", "So many connections a second (100)."},
                    reason_flag,
                    {"wait", "", "Until it is empty, with progress."}},
          .summary = "Ask a gateway to send its clients elsewhere",
          .description =
              "It takes no new clients from then on, says that it is not ready, and asks the ones "
              "that it has to reconnect, at that pace. It stays up until it is stopped.",
          .examples = {"interlockctl gateway drain 3f1c... --reason='new version' --wait"},
          .run = run_drain};
}

}  // namespace interlock
