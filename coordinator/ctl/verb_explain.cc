// The verbs that say how things stand: explain, gateways, stats.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "coordinator/ctl/admin_client.h"
#include "coordinator/ctl/json.h"
#include "coordinator/ctl/names.h"
#include "coordinator/ctl/table.h"
#include "coordinator/ctl/text.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

bool is_trouble(v1::Why why) {
  switch (why) {
    case v1::ORPHANED:
    case v1::STORE_IS_AWAY:
    case v1::STORE_IS_FULL:
    case v1::OUTBOX_FULL:
    case v1::TAKEOVERS_DAMPED:
    case v1::BEHIND_OPEN_BREAKER:
    case v1::BARRED:
      return true;
    default:
      return false;
  }
}

// WAITING_FOR_CLIENT to `waiting for client`.
std::string human_why(v1::Why why) {
  if (!v1::Why_IsValid(why)) return fmt::format("unknown ({})", static_cast<int>(why));
  std::string words = v1::Why_Name(why);
  std::ranges::transform(words, words.begin(), [](unsigned char c) {
    return c == '_' ? ' ' : static_cast<char>(std::tolower(c));
  });
  return words;
}

std::string explanation(const std::string& key, const v1::ExplainResponse& answer, bool colour) {
  std::string text;
  if (answer.has_connection()) {
    Table head({{}, {}, {}}, colour);
    const v1::Connection& connection = answer.connection();
    head.add({Cell(key), Cell(human_name(connection.state()), style_of(connection.state())),
              Cell(fmt::format("generation {}", connection.generation()), Style::kFaint)});
    text += head.take();
  }
  Table findings({{}, {}}, colour);
  for (const v1::Finding& finding : answer.findings()) {
    findings.add({Cell(human_why(finding.why()),
                       is_trouble(finding.why()) ? Style::kTrouble : Style::kFaint),
                  finding.text()});
  }
  text += findings.take();
  if (!answer.has_connection() || answer.connection().transitions().empty()) return text;
  Table steps({{}, {}, {}, {}}, colour);
  const auto& transitions = answer.connection().transitions();
  for (int i = std::max(0, transitions.size() - 4); i < transitions.size(); ++i) {
    const v1::HistoryEntry& entry = transitions[i];
    const std::string by = human_name(entry.actor()) + ", " + human_name(entry.reason());
    steps.add({Cell(format_local_time_of_day(entry.time_unix_ms()), Style::kFaint),
               Cell(human_step(entry.from(), entry.to()), style_of(entry.to())), by, entry.note()});
  }
  return text + steps.take();
}

Outcome run_explain(Tool& tool, const VerbArguments& arguments) {
  auto client = AdminClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  v1::ExplainRequest request;
  request.set_key(arguments.operands.front());
  v1::ExplainResponse answer;
  if (const Outcome outcome = client->explain(request, answer)) return outcome;
  tool.output.print(tool.settings.json ? json_line(answer)
                                       : explanation(request.key(), answer, tool.output.colour()));
  if (answer.has_connection()) return std::nullopt;
  return Failure{ExitCode::kNotFound,
                 "There is no connection " + escape_control(request.key()) + "."};
}

std::string gateway_state(const v1::GatewayInfo& gateway) {
  if (gateway.expired()) return "expired";
  if (gateway.draining_per_s() > 0) {
    return fmt::format("draining, {} a second", gateway.draining_per_s());
  }
  return gateway.attached() ? "attached" : "elsewhere";
}

Outcome run_gateways(Tool& tool, const VerbArguments&) {
  auto client = AdminClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  v1::ListGatewaysResponse answer;
  if (const Outcome outcome = client->gateways(answer)) return outcome;
  Table table({{"GATEWAY"},
               {"ADDRESS"},
               {"CONNECTIONS", Align::kRight},
               {"STATE"},
               {"LEASE AGE", Align::kRight},
               {"SINCE"}},
              tool.output.colour());
  std::string lines;
  for (const v1::GatewayInfo& gateway : answer.gateways()) {
    lines += json_line(gateway);
    const bool good = gateway.attached() && gateway.draining_per_s() == 0;
    table.add({gateway.gateway_id(), gateway.address(), std::to_string(gateway.connections()),
               Cell(gateway_state(gateway), gateway.expired() ? Style::kTrouble
                                            : good            ? Style::kGood
                                                              : Style::kPlain),
               format_duration_ms(static_cast<std::int64_t>(gateway.lease_age_ms())),
               format_local_time(gateway.first_seen_unix_ms())});
  }
  tool.output.print(tool.settings.json ? lines : table.take());
  if (answer.gateways().empty() && !tool.settings.json) tool.output.note("There are no gateways.");
  return std::nullopt;
}

std::string stats_table(const v1::StatsResponse& stats, bool colour) {
  Table table({{}, {{}, Align::kRight}}, colour);
  const auto* states = v1::State_descriptor();
  for (int i = 0; i < states->value_count(); ++i) {
    const auto count = stats.connections_by_state().find(states->value(i)->name());
    if (count == stats.connections_by_state().end()) continue;
    const auto state = static_cast<v1::State>(states->value(i)->number());
    table.add({Cell(count->first, style_of(state)), std::to_string(count->second)});
  }
  table.add({Cell("records", Style::kFaint), std::to_string(stats.records())});
  table.add({Cell("gateways", Style::kFaint), std::to_string(stats.gateways())});
  table.add({Cell("store", Style::kFaint),
             stats.store_away() ? Cell("away", Style::kTrouble) : Cell("there")});
  table.add({Cell("version", Style::kFaint), stats.version()});
  table.add(
      {Cell("up for", Style::kFaint), format_duration_ms(now_unix_ms() - stats.started_unix_ms())});
  return table.take();
}

Outcome run_stats(Tool& tool, const VerbArguments&) {
  auto client = AdminClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  v1::StatsResponse answer;
  if (const Outcome outcome = client->stats(answer)) return outcome;
  tool.output.print(tool.settings.json ? json_line(answer)
                                       : stats_table(answer, tool.output.colour()));
  if (!answer.store_short_of_room().empty()) tool.output.note(answer.store_short_of_room());
  return std::nullopt;
}

}  // namespace

Verb explain_verb() {
  return {.name = "explain",
          .operands = "KEY",
          .operands_min = 1,
          .operands_max = 1,
          .flags = {},
          .summary = "Why one connection is where it is, in words",
          .description =
              "What it waits for and for how long, who owns it, what is wrong and what to do, and "
              "its last transitions. From the coordinator's memory, so that it answers while the "
              "store is away.",
          .examples = {"interlockctl explain alice:tab-1",
                       "interlockctl --json explain alice:tab-1 | jq -r '.findings[].why'"},
          .run = run_explain};
}

Verb gateways_verb() {
  return {
      .name = "gateways",
      .operands = "",
      .operands_min = 0,
      .operands_max = 0,
      .flags = {},
      .summary = "All gateways, with what they own and how they are",
      .description =
          "`elsewhere`: attached to another coordinator, or to none at the moment. The age of a "
          "lease is counted in the store's time, which stands still while the store is away.",
      .examples = {"interlockctl gateways"},
      .run = run_gateways};
}

Verb stats_verb() {
  return {
      .name = "stats",
      .operands = "",
      .operands_min = 0,
      .operands_max = 0,
      .flags = {},
      .summary = "How many connections there are in each state",
      .description = "As the coordinator that answers knows them, and how it is itself.",
      .examples = {"interlockctl stats", "interlockctl --json stats | jq .connections_by_state"},
      .run = run_stats};
}

}  // namespace interlock
