// The verb that looks on: watch.
#include "coordinator/ctl/admin_client.h"
#include "coordinator/ctl/interruption.h"
#include "coordinator/ctl/json.h"
#include "coordinator/ctl/names.h"
#include "coordinator/ctl/table.h"
#include "coordinator/ctl/text.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

Table transition_table(bool colour) { return Table({{}, {}, {}, {}, {}, {}}, colour); }

void add_remark(Table& table, std::int64_t time_unix_ms, const std::string& key,
                std::string remark) {
  table.add({Cell(format_local_time_of_day(time_unix_ms), Style::kFaint), key,
             Cell(std::move(remark), Style::kTrouble), "", "", ""});
}

void add_transitions(Table& table, const v1::Connection& connection) {
  for (const v1::HistoryEntry& entry : connection.transitions()) {
    const std::string count = human_count(entry);
    const std::string step = human_step(entry.from(), entry.to());
    table.add({Cell(format_local_time_of_day(entry.time_unix_ms()), Style::kFaint),
               connection.key(),
               Cell(count.empty() ? step : step + " " + count, style_of(entry.to())),
               human_name(entry.actor()), human_name(entry.reason()),
               "generation " + std::to_string(entry.generation())});
  }
}

// A line for each transition; none for a change that moved no state.
std::string human_lines(Table& table, const v1::WatchResponse& answer) {
  switch (answer.what_case()) {
    case v1::WatchResponse::kChanged:
      add_transitions(table, answer.changed());
      break;
    case v1::WatchResponse::kLeft:
      add_transitions(table, answer.left());
      break;
    case v1::WatchResponse::kRemovedKey:
      add_remark(table, now_unix_ms(), answer.removed_key(), "forgotten");
      break;
    case v1::WatchResponse::kMissed:
      add_remark(table, now_unix_ms(), "-", 
                 "some changes were left out here: list again to be sure");
      break;
    case v1::WatchResponse::kCaughtUp:
    case v1::WatchResponse::WHAT_NOT_SET:
      break;
  }
  return table.take();
}

Outcome run_watch(Tool& tool, const VerbArguments& arguments) {
  const HeldSignals signals;
  auto client = AdminClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  v1::WatchRequest request;
  if (!arguments.operands.empty()) request.set_key(arguments.operands.front());
  request.set_filter(arguments.value("filter"));
  if (const auto from = arguments.number("from"); !from.ok()) {
    return usage_failure(from.status());
  } else {
    request.set_from_revision(*from);
  }

  Table table = transition_table(tool.output.colour());
  return client->watch(request, signals, tool.output.results_fd(),
                       [&](const v1::WatchResponse& answer) {
                         return tool.output.print(tool.settings.json ? json_line(answer)
                                                                     : human_lines(table, answer));
                       });
}

}  // namespace

Verb watch_verb() {
  return {.name = "watch",
          .operands = "[KEY]",
          .operands_min = 0,
          .operands_max = 1,
          .flags = {{"filter", "FILTER", "Only those that match, and once those that do no more."},
                    {"from", "REVISION", "Show first what has changed behind this revision."}},
          .summary = "Transitions as they happen, of one connection or of all",
          .description =
              "A line for each transition: local time, key, transition, actor, reason, "
              "generation. Goes on until Ctrl-C, or until nobody reads it any more. What "
              "happened before is not shown; history shows it. With --json each line names the "
              "revision from which --from goes on, at any coordinator.",
          .examples = {"interlockctl watch", "interlockctl watch alice:tab-1",
                       "interlockctl --json watch | jq .changed.transitions"},
          .run = run_watch};
}

}  // namespace interlock
