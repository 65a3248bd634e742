// The verb that publishes an event as a backend would: publish.
#include <fmt/format.h>
#include <unistd.h>

#include <string>

#include "common/identity.h"
#include "coordinator/ctl/event_data.h"
#include "coordinator/ctl/events_client.h"
#include "coordinator/ctl/json.h"
#include "coordinator/ctl/names.h"
#include "coordinator/ctl/table.h"
#include "coordinator/ctl/text.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

absl::Status check_name(const VerbArguments& arguments) {
  const bool run = arguments.has("run");
  if (run != arguments.has("number")) {
    return absl::InvalidArgumentError(
        "--run and --number belong together: events of a run are numbered 1, 2, 3 ... within it.");
  }
  if (run && arguments.has("idempotency_key")) {
    return absl::InvalidArgumentError(
        "--idempotency_key is for events outside a run: one of a run is known by its number.");
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::PublishRequest> publish_request(const VerbArguments& arguments) {
  if (const absl::Status named = check_name(arguments); !named.ok()) return named;
  v1::PublishRequest request;
  request.set_key(arguments.operands[0]);
  request.set_type(arguments.operands[1]);
  const auto number = arguments.number("number");
  if (!number.ok()) return number.status();
  const auto ttl_ms = arguments.duration_ms("ttl");
  if (!ttl_ms.ok()) return ttl_ms.status();
  request.set_run(arguments.value("run"));
  request.set_number(*number);
  request.set_ttl_ms(*ttl_ms);
  request.set_idempotency_key(arguments.value("idempotency_key"));
  const auto data = read_event_data(arguments.operands.size() > 2 ? arguments.operands[2] : "-");
  if (!data.ok()) return data.status();
  request.set_payload(*data);
  return request;
}

std::string receipt_table(const v1::Receipt& receipt, bool colour) {
  Table table({{}, {}}, colour);
  const auto field = [&table](std::string name, Cell value) {
    table.add({Cell(std::move(name), Style::kFaint), std::move(value)});
  };
  field("sequence", std::to_string(receipt.sequence()));
  field("sequence since", fmt::format("generation {}", receipt.sequence_since()));
  field("state", Cell(human_name(receipt.state()), style_of(receipt.state())));
  if (receipt.repeated()) field("repeated", "yes: it had been accepted before");
  return table.take();
}

Outcome run_publish(Tool& tool, const VerbArguments& arguments) {
  const bool piped = arguments.operands.size() < 3 || arguments.operands[2] == "-";
  if (piped && isatty(STDIN_FILENO) != 0) {
    tool.output.note("Reading the event's data, one JSON value, from here; Ctrl-D ends it.");
  }
  auto request = publish_request(arguments);
  if (!request.ok()) return usage_failure(request.status());
  auto client = EventsClient::make(tool.settings);
  if (!client.ok()) return usage_failure(client.status());
  if (request->run().empty() && request->idempotency_key().empty()) {
    request->set_idempotency_key(make_identity());
    tool.output.note(
        fmt::format("The event's idempotency key is {}; with --idempotency_key={} it can be "
                    "published again without arriving twice.",
                    request->idempotency_key(), request->idempotency_key()));
  }
  v1::Receipt receipt;
  if (const Outcome outcome = client->publish(*request, receipt)) return outcome;
  tool.output.print(tool.settings.json ? json_line(receipt)
                                       : receipt_table(receipt, tool.output.colour()));
  return std::nullopt;
}

}  // namespace

Verb publish_verb() {
  return {
      .name = "publish",
      .operands = "KEY TYPE [DATA]",
      .operands_min = 2,
      .operands_max = 3,
      .flags = {{"run", "NAME", "The agent run that it belongs to; needs --number."},
                {"number", "N", "Its number within the run: 1, 2, 3 ..."},
                {"idempotency_key", "TEXT", "Names an event outside a run; made up if left out."},
                {"ttl", "DURATION", "Not delivered any more after this time, such as 90s."}},
      .summary = "Publish an event to a connection, as a backend would",
      .description =
          "DATA is one JSON value of at most 64 KiB; `-`, or nothing, reads it from standard "
          "input. Answers with the receipt once the event is durable. Needs the role PUBLISHER. "
          "Publishing again with the same idempotency key, or the same run and number, does "
          "nothing and gives the same receipt.",
      .examples = {"interlockctl publish alice:tab-1 note '{\"text\":\"hello\"}'",
                   "jq -c . note.json | interlockctl publish alice:tab-1 note --ttl=90s",
                   "interlockctl publish alice:tab-1 agent_started '{}' --run=r1 --number=1"},
      .run = run_publish};
}

}  // namespace interlock
