// The verb that says why: explain.
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
  return words_of(v1::Why_Name(why));
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

}  // namespace interlock
