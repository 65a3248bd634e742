// The verbs that say what became of events: delivery, outbox.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "coordinator/ctl/admin_client.h"
#include "coordinator/ctl/events_client.h"
#include "coordinator/ctl/json.h"
#include "coordinator/ctl/table.h"
#include "coordinator/ctl/text.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

constexpr std::uint64_t outbox_page_max = 64;
constexpr std::size_t payload_shown_bytes = 160;

std::string_view meaning_of(v1::DeliveryStatus::Status status) {
  switch (status) {
    case v1::DeliveryStatus::ACCEPTED:
      return "it waits for the client's acknowledgement";
    case v1::DeliveryStatus::SENT:
      return "it was handed to the gateway, and waits for the client's acknowledgement";
    case v1::DeliveryStatus::ACKNOWLEDGED:
      return "the client has it";
    case v1::DeliveryStatus::EXPIRED:
      return "its time ran out, or the sequence ended, before the client acknowledged it";
    default:
      return "it belongs to another life of the key, was never assigned, or is too long ago";
  }
}

Style style_of(v1::DeliveryStatus::Status status) {
  if (status == v1::DeliveryStatus::ACKNOWLEDGED) return Style::kGood;
  if (status == v1::DeliveryStatus::EXPIRED) return Style::kTrouble;
  return status == v1::DeliveryStatus::UNKNOWN ? Style::kBad : Style::kWaiting;
}

std::string delivery_line(const v1::DeliveryStatus& status, bool colour) {
  const std::string name = v1::DeliveryStatus_Status_IsValid(status.status())
                               ? words_of(v1::DeliveryStatus_Status_Name(status.status()))
                               : fmt::format("unknown ({})", static_cast<int>(status.status()));
  Table table({{}, {}}, colour);
  table.add(
      {Cell(name, style_of(status.status())), Cell(std::string(meaning_of(status.status())))});
  return table.take();
}

absl::StatusOr<std::uint64_t> sequence_of(const std::string& text) {
  std::uint64_t sequence = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), sequence);
  if (error != std::errc() || end != text.data() + text.size() || sequence == 0) {
    return absl::InvalidArgumentError(fmt::format(
        "\"{}\" is no sequence number: the receipt of a publish names it.", escape_control(text)));
  }
  return sequence;
}

// The life of the key that goes on now, for who has no receipt at hand.
Outcome find_since(Tool& tool, const std::string& key, std::uint64_t& since) {
  auto client = AdminClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  v1::GetRequest request;
  request.set_key(key);
  v1::Connection connection;
  if (Outcome outcome = client->get(request, connection)) {
    if (outcome->code == ExitCode::kRefused) {
      outcome->sentence += " Or say with --since=GENERATION what the receipt said.";
    }
    return outcome;
  }
  since = connection.sequence_since();
  return std::nullopt;
}

Outcome follow_delivery(Tool& tool, EventsClient& client, const HeldSignals& signals,
                        const v1::GetDeliveryRequest& asked, v1::DeliveryStatus& last) {
  v1::WatchDeliveryRequest request;
  request.set_key(asked.key());
  request.set_sequence(asked.sequence());
  request.set_sequence_since(asked.sequence_since());
  return client.watch_delivery(
      request, signals, tool.output.results_fd(), [&](const v1::DeliveryStatus& status) {
        last = status;
        return tool.output.print(tool.settings.json ? json_line(status)
                                                    : delivery_line(status, tool.output.colour()));
      });
}

Outcome run_delivery(Tool& tool, const VerbArguments& arguments) {
  // One look is over soon enough to be ended like any program.
  std::optional<HeldSignals> signals;
  if (arguments.has("follow")) signals.emplace();
  const auto sequence = sequence_of(arguments.operands[1]);
  if (!sequence.ok()) return usage_failure(sequence.status());
  const auto since = arguments.number("since");
  if (!since.ok()) return usage_failure(since.status());
  std::uint64_t counted_since = *since;
  if (counted_since == 0) {
    if (const Outcome outcome = find_since(tool, arguments.operands[0], counted_since)) {
      return outcome;
    }
  }
  auto client = EventsClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  v1::GetDeliveryRequest request;
  request.set_key(arguments.operands[0]);
  request.set_sequence(*sequence);
  request.set_sequence_since(counted_since);
  v1::DeliveryStatus status;
  status.set_status(v1::DeliveryStatus::ACCEPTED);  // until something else was said
  if (signals) {
    if (const Outcome outcome = follow_delivery(tool, *client, *signals, request, status)) {
      return outcome;
    }
  } else {
    if (const Outcome outcome = client->delivery(request, status)) return outcome;
    tool.output.print(tool.settings.json ? json_line(status)
                                         : delivery_line(status, tool.output.colour()));
  }
  if (status.status() != v1::DeliveryStatus::UNKNOWN) return std::nullopt;
  return Failure{ExitCode::kNotFound,
                 fmt::format("Nothing can be said of event {} of {}; interlockctl get shows which "
                             "sequence numbers there are.",
                             *sequence, escape_control(request.key()))};
}

// What somebody published is text here, whatever it would do to a terminal.
std::string payload_text(const v1::OutboxEntry& entry, bool all) {
  const std::string& payload = entry.payload();
  const std::size_t shown = all ? payload.size() : std::min(payload.size(), payload_shown_bytes);
  const std::string text = payload.substr(0, shown);
  if (shown == entry.payload_bytes()) return text;
  return text + fmt::format(" ... ({} in all)", format_bytes(entry.payload_bytes()));
}

void add_entry(Table& table, const v1::OutboxEntry& entry, bool all) {
  const std::string ttl =
      entry.ttl_ms() == 0 ? "-" : format_duration_ms(static_cast<std::int64_t>(entry.ttl_ms()));
  const std::string run =
      entry.run().empty() ? "-" : fmt::format("{}/{}", entry.run(), entry.number());
  table.add({std::to_string(entry.sequence()), format_local_time(entry.time_unix_ms()),
             entry.type(), run, ttl, payload_text(entry, all)});
}

Outcome run_outbox(Tool& tool, const VerbArguments& arguments) {
  auto limit = arguments.number("limit");
  if (!limit.ok()) return usage_failure(limit.status());
  const auto after = arguments.number("after");
  if (!after.ok()) return usage_failure(after.status());
  auto client = AdminClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  v1::OutboxRequest request;
  request.set_key(arguments.operands.front());
  request.set_after(*after);
  std::uint64_t left = *limit == 0 ? ~std::uint64_t{0} : *limit;
  Table table({{"SEQUENCE", Align::kRight}, {"PUBLISHED"}, {"TYPE"}, {"RUN"}, {"TTL"}, {"PAYLOAD"}},
              tool.output.colour());
  std::uint64_t shown = 0;
  while (left > 0) {
    request.set_limit(static_cast<std::uint32_t>(std::min(left, outbox_page_max)));
    v1::OutboxResponse page;
    if (const Outcome outcome = client->outbox(request, page)) return outcome;
    if (page.entries().empty()) break;
    std::string lines;
    for (const v1::OutboxEntry& entry : page.entries()) {
      if (entry.sequence() <= request.after()) {
        return Failure{ExitCode::kFailed,
                       "The coordinator gave the same event twice, so the list is not complete."};
      }
      if (tool.settings.json) lines += json_line(entry);
      add_entry(table, entry, arguments.has("whole"));
      request.set_after(entry.sequence());
      ++shown;
      --left;
    }
    if (!tool.output.print(tool.settings.json ? lines : table.take())) return std::nullopt;
    if (page.entries_size() < static_cast<int>(request.limit())) break;
  }
  if (shown == 0 && !tool.settings.json) tool.output.note("No events wait.");
  return std::nullopt;
}

}  // namespace

Verb delivery_verb() {
  return {
      .name = "delivery",
      .operands = "KEY SEQUENCE",
      .operands_min = 2,
      .operands_max = 2,
      .flags = {{"since", "GENERATION", "What the receipt said; left out: as things stand now."},
                {"follow", "", "As it changes, until nothing more can come."}},
      .summary = "What became of an event that was accepted",
      .description =
          "accepted: it waits for the client's acknowledgement; sent (only with --follow): its "
          "gateway has it; acknowledged and expired are final. A sequence begins anew when a "
          "connection was closed: --since names the life of the key that is meant, and without it "
          "the one that goes on now is asked for, which needs the role READER too.",
      .examples = {"interlockctl delivery alice:tab-1 7",
                   "interlockctl delivery alice:tab-1 7 --since=1700000000000042 --follow"},
      .run = run_delivery};
}

Verb outbox_verb() {
  return {.name = "outbox",
          .operands = "KEY",
          .operands_min = 1,
          .operands_max = 1,
          .flags = {{"after", "SEQUENCE", "Only what comes behind this one."},
                    {"limit", "N", "At most N events."},
                    {"whole", "", "All of each payload that the coordinator shows (4 KiB)."}},
          .summary = "The events that wait for a client's acknowledgement",
          .description =
              "Oldest first, with what they say: payloads belong to users, so it needs the role "
              "OPERATOR. What would move the cursor or paint the terminal is shown escaped.",
          .examples = {"interlockctl outbox alice:tab-1",
                       "interlockctl --json outbox alice:tab-1 | jq -r '.payload | @base64d'"},
          .run = run_outbox};
}

}  // namespace interlock
