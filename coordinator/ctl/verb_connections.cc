// The verbs that look at connections once: list, get, history.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "coordinator/ctl/admin_client.h"
#include "coordinator/ctl/json.h"
#include "coordinator/ctl/names.h"
#include "coordinator/ctl/table.h"
#include "coordinator/ctl/text.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

constexpr std::uint64_t page_size_max = 200;

// Gateway ids are 32 random digits; this many tell those of one deployment apart.
constexpr std::size_t owner_digits = 8;

constexpr const char* nothing = "-";

Cell state_cell(v1::State state) { return {human_name(state), style_of(state)}; }

std::string age_of(const v1::Connection& connection) {
  if (connection.changed_unix_ms() == 0) return nothing;
  return format_duration_ms(now_unix_ms() - connection.changed_unix_ms());
}

// A client that has acknowledged nothing for longer than this has most likely stopped listening.
constexpr std::uint64_t unacknowledged_suspicious_ms = 60'000;

Cell unacknowledged_cell(const v1::Connection& connection) {
  const std::uint64_t ms = connection.unacknowledged_ms();
  if (ms == 0) return nothing;
  return {format_duration_ms(static_cast<std::int64_t>(ms)),
          ms > unacknowledged_suspicious_ms ? Style::kTrouble : Style::kPlain};
}

Table connection_table(bool colour) {
  return Table({{"KEY"},
                {"STATE"},
                {"OWNER"},
                {"GENERATION", Align::kRight},
                {"LAST SEQ", Align::kRight},
                {"ACKED", Align::kRight},
                {"OUTBOX", Align::kRight},
                {"UNACKED FOR", Align::kRight},
                {"RUNS", Align::kRight},
                {"CHANGED", Align::kRight}},
               colour);
}

std::vector<Cell> connection_row(const v1::Connection& connection) {
  const std::string owner = connection.owner().substr(0, owner_digits);
  return {connection.key(),
          state_cell(connection.state()),
          owner.empty() ? nothing : owner,
          std::to_string(connection.generation()),
          std::to_string(connection.last_seq()),
          std::to_string(connection.acknowledged()),
          std::to_string(connection.outbox_events()),
          unacknowledged_cell(connection),
          std::to_string(connection.open_runs()),
          age_of(connection)};
}

// Prints one page; false when nobody reads any more.
bool print_page(Tool& tool, Table& table, const v1::ListResponse& page) {
  if (tool.settings.json) {
    std::string lines;
    for (const v1::Connection& connection : page.connections()) lines += json_line(connection);
    return tool.output.print(lines);
  }
  for (const v1::Connection& connection : page.connections()) table.add(connection_row(connection));
  return tool.output.print(table.take());
}

Outcome run_list(Tool& tool, const VerbArguments& arguments) {
  auto limit = arguments.number("limit");
  if (!limit.ok()) return usage_failure(limit.status());
  if (*limit == 0) limit = std::numeric_limits<std::uint64_t>::max();
  auto client = AdminClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());

  Table table = connection_table(tool.output.colour());
  v1::ListRequest request;
  request.set_live_only(arguments.has("live"));
  request.set_filter(arguments.value("filter"));
  std::uint64_t listed = 0;
  do {
    request.set_page_size(static_cast<std::uint32_t>(std::min(page_size_max, *limit - listed)));
    v1::ListResponse page;
    if (const Outcome outcome = client->list(request, page)) return outcome;
    listed += static_cast<std::uint64_t>(page.connections_size());
    if (!print_page(tool, table, page)) return std::nullopt;
    if (!page.next_page_token().empty() && page.next_page_token() == request.page_token()) {
      return Failure{ExitCode::kFailed,
                     "The coordinator gave the same page twice, so the list is not complete."};
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && listed < *limit);
  if (listed == 0 && !tool.settings.json) tool.output.note("There are no connections.");
  return std::nullopt;
}

std::string describe(const v1::Connection& connection, bool colour) {
  Table table({{}, {}}, colour);
  const auto field = [&table](std::string name, Cell value) {
    table.add({Cell(std::move(name), Style::kFaint), std::move(value)});
  };
  const bool latest = connection.consistency() == v1::LATEST;
  field("key", connection.key());
  field("subject", connection.subject());
  field("state", state_cell(connection.state()));
  field("generation", std::to_string(connection.generation()));
  field("owner", connection.owner().empty() ? "nobody" : connection.owner());
  if (connection.barred()) field("barred", "yes: an operator has ended it for good");
  if (!connection.owner().empty()) {
    if (connection.orphaned()) field("orphaned", "yes: its gateway's lease has run out");
    field("attached", connection.owner_attached() ? "to the coordinator that answers"
                                                  : "not to the coordinator that answers");
  }
  field("last op", std::to_string(connection.last_op()));
  field("last sequence", std::to_string(connection.last_seq()));
  field("acknowledged", std::to_string(connection.acknowledged()));
  field("outbox",
        fmt::format("{} events, {} bytes", connection.outbox_events(), connection.outbox_bytes()));
  if (connection.unacknowledged_ms() > 0) {
    field("unacknowledged", unacknowledged_cell(connection));
  }
  field("open runs", std::to_string(connection.open_runs()));
  field("sequence since", fmt::format("generation {}", connection.sequence_since()));
  field("revision", std::to_string(connection.revision()));
  field("transitions", std::to_string(connection.transitions_total()));
  if (connection.changed_unix_ms() != 0) {
    field("changed", fmt::format("{} ({} ago)", format_local_time(connection.changed_unix_ms()),
                                 age_of(connection)));
  }
  field("consistency", latest
                           ? "latest: checked with the store"
                           : "observed: from the coordinator's memory, may lag (--latest checks)");
  return table.take();
}

Outcome run_get(Tool& tool, const VerbArguments& arguments) {
  auto client = AdminClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  v1::GetRequest request;
  request.set_key(arguments.operands.front());
  request.set_consistency(arguments.has("latest") ? v1::LATEST : v1::OBSERVED);
  v1::Connection connection;
  if (const Outcome outcome = client->get(request, connection)) return outcome;
  tool.output.print(tool.settings.json ? json_line(connection)
                                       : describe(connection, tool.output.colour()));
  return std::nullopt;
}

std::string history_table(const v1::HistoryResponse& history, bool colour) {
  Table table({{"NUMBER", Align::kRight},
               {"TIME"},
               {"TRANSITION"},
               {"PAIRS"},
               {"ACTOR"},
               {"REASON"},
               {"GENERATION", Align::kRight},
               {"NOTE"}},
              colour);
  for (const v1::HistoryEntry& entry : history.entries()) {
    table.add({std::to_string(entry.number()), format_local_time(entry.time_unix_ms()),
               Cell(human_step(entry.from(), entry.to()), style_of(entry.to())), human_count(entry),
               human_name(entry.actor()), human_name(entry.reason()),
               std::to_string(entry.generation()), entry.note()});
  }
  return table.take();
}

Outcome run_history(Tool& tool, const VerbArguments& arguments) {
  auto client = AdminClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  v1::HistoryRequest request;
  request.set_key(arguments.operands.front());
  v1::HistoryResponse history;
  if (const Outcome outcome = client->history(request, history)) return outcome;
  if (!tool.settings.json) {
    tool.output.print(history_table(history, tool.output.colour()));
    return std::nullopt;
  }
  std::string lines;
  for (const v1::HistoryEntry& entry : history.entries()) lines += json_line(entry);
  tool.output.print(lines);
  return std::nullopt;
}

}  // namespace

Verb list_verb() {
  return {.name = "list",
          .operands = "",
          .operands_min = 0,
          .operands_max = 0,
          .flags = {{"live", "", "Leave out what is CLOSED or FAILED."},
                    {"filter", "FILTER", "Only those that match; see below."},
                    {"limit", "N", "Stop after N connections."}},
          .summary = "All connections, by key",
          .description =
              "Asks for as many pages as there are and prints each as it comes. A record "
              "is listed until it is forgotten, so those that ended are there too.\n\n" +
              std::string(filter_help),
          .examples = {"interlockctl list --live",
                       "interlockctl list --filter='state = RECONNECTING AND age > 30s'",
                       "interlockctl list --filter='subject = alice AND NOT orphaned'",
                       "interlockctl --json list | jq -r 'select(.state == \"DEGRADED\") | .key'"},
          .run = run_list};
}

Verb get_verb() {
  return {
      .name = "get",
      .operands = "KEY",
      .operands_min = 1,
      .operands_max = 1,
      .flags = {{"latest", "", "Check with the store after the question came in."}},
      .summary = "One connection, everything that is known of it",
      .description =
          "Without --latest the answer comes from the coordinator's memory, which "
          "may lag behind what another coordinator has just written.",
      .examples = {"interlockctl get alice:tab-1", "interlockctl --json get alice:tab-1 --latest"},
      .run = run_get};
}

Verb history_verb() {
  return {.name = "history",
          .operands = "KEY",
          .operands_min = 1,
          .operands_max = 1,
          .flags = {},
          .summary = "The last transitions of one connection, oldest first",
          .description =
              "Up to 16. Pairs of PROCESSING and PROCESSING_READY in a row share one "
              "entry that says how many they are.",
          .examples = {"interlockctl history alice:tab-1"},
          .run = run_history};
}

}  // namespace interlock
