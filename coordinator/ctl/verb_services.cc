// The verbs that say how the services are: gateways, stats.
#include <string>

#include "coordinator/ctl/admin_client.h"
#include "coordinator/ctl/json.h"
#include "coordinator/ctl/services_view.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

Outcome run_gateways(Tool& tool, const VerbArguments&) {
  auto client = AdminClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  v1::ListGatewaysResponse answer;
  if (const Outcome outcome = client->gateways(answer)) return outcome;
  std::string lines;
  for (const v1::GatewayInfo& gateway : answer.gateways()) lines += json_line(gateway);
  tool.output.print(tool.settings.json ? lines : gateway_table(answer, 0, tool.output.colour()));
  if (answer.gateways().empty() && !tool.settings.json) tool.output.note("There are no gateways.");
  return std::nullopt;
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

Verb gateways_verb() {
  return {
      .name = "gateways",
      .operands = "",
      .operands_min = 0,
      .operands_max = 0,
      .flags = {},
      .summary = "All gateways, with what they own and how they are",
      .description =
          "`elsewhere`: attached to another coordinator, or to none at the moment; `holding`: its "
          "lease is not confirmed, so its data waits. The age of a lease is counted in the store's "
          "time, which stands still while the store is away. Sockets, sessions, the circuit "
          "breaker to its backend, closes with 1011 (each is a defect) and the time from a request "
          "to `ready` are what the gateway said with its last heartbeat.",
      .examples = {"interlockctl gateways",
                   "interlockctl --json gateways | jq -r 'select(.load.holding) | .address'"},
      .run = run_gateways};
}

Verb stats_verb() {
  return {
      .name = "stats",
      .operands = "",
      .operands_min = 0,
      .operands_max = 0,
      .flags = {},
      .summary = "Connections by state, and how the coordinator is",
      .description =
          "As the coordinator that answers knows them. What is counted (transitions, takeovers, "
          "refusals, agent runs) is counted since its start, and only what it wrote itself. "
          "`flapping`: taken over too often of late.",
      .examples = {"interlockctl stats", "interlockctl --json stats | jq .connections_by_state"},
      .run = run_stats};
}

}  // namespace interlock
