// The verbs that move records between stores: store export, store import.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include "coordinator/ctl/store_mover.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

Failure failure_of(const absl::Status& status, const std::string& advice) {
  const bool usage = absl::IsInvalidArgument(status) || absl::IsUnimplemented(status);
  const bool refused = absl::IsFailedPrecondition(status);
  return {usage     ? ExitCode::kUsage
          : refused ? ExitCode::kRefused
                    : ExitCode::kFailed,
          std::string(status.message()) + advice};
}

StoreMover::Progress progress_to(Output& output) {
  return [&output](const StoreMover::Count& count) {
    output.note(fmt::format("{} records, {} events so far", count.records, count.events));
  };
}

void report(Tool& tool, const StoreMover::Count& count, const std::string& what) {
  tool.output.print(
      tool.settings.json
          ? fmt::format("{{\"records\":{},\"events\":{}}}\n", count.records, count.events)
          : fmt::format("{} records and {} events {}.\n", count.records, count.events, what));
}

// Under another name until it is whole, so that nobody takes a part of it for everything.
Outcome run_export(Tool& tool, const VerbArguments& arguments) {
  const std::string& file = arguments.operands[1];
  const std::string partial = file + ".partial";
  std::ofstream to(partial, std::ios::binary | std::ios::trunc);
  if (!to) {
    return Failure{ExitCode::kFailed,
                   fmt::format("\"{}\" cannot be written: {}.", partial, std::strerror(errno))};
  }
  const auto count = StoreMover::export_to(arguments.operands[0], to, progress_to(tool.output));
  to.close();
  if (!count.ok() || !to || std::rename(partial.c_str(), file.c_str()) != 0) {
    std::remove(partial.c_str());
    if (!count.ok()) return failure_of(count.status(), "");
    return Failure{ExitCode::kFailed,
                   fmt::format("\"{}\" cannot be written: {}.", file, std::strerror(errno))};
  }
  report(tool, *count, fmt::format("are in \"{}\"", file));
  return std::nullopt;
}

Outcome run_import(Tool& tool, const VerbArguments& arguments) {
  const std::string& file = arguments.operands[1];
  std::ifstream from(file, std::ios::binary);
  if (!from) {
    return Failure{ExitCode::kFailed,
                   fmt::format("\"{}\" cannot be read: {}.", file, std::strerror(errno))};
  }
  const auto count = StoreMover::import_from(arguments.operands[0], from, progress_to(tool.output));
  if (!count.ok()) {
    return failure_of(count.status(),
                      " Nothing starts over a store that was not filled to its end.");
  }
  report(tool, *count, "were taken in");
  return std::nullopt;
}

}  // namespace

Verb store_export_verb() {
  return {
      .name = "store export",
      .operands = "STORE_URL FILE",
      .operands_min = 2,
      .operands_max = 2,
      .flags = {},
      .summary = "Writes everything that a store holds into a file",
      .description =
          "End every coordinator of the store first: the export reads twice and refuses when "
          "somebody has written meanwhile. The file is JSON, a record a line, events included.\n\n"
          "Asks no coordinator; STORE_URL is what a coordinator's --store names.",
      .examples = {"interlockctl store export rocksdb:/var/lib/interlock all.jsonl"},
      .run = run_export};
}

Verb store_import_verb() {
  return {
      .name = "store import",
      .operands = "STORE_URL FILE",
      .operands_min = 2,
      .operands_max = 2,
      .flags = {},
      .summary = "Fills an empty store from such a file",
      .description =
          "Generations go on above all that the file names, sequences where they were, deadlines "
          "and leases by the ticks that they had left. Until the import has reached its end no "
          "coordinator starts over the store.",
      .examples = {"interlockctl store import postgres://interlock@db/interlock all.jsonl"},
      .run = run_import};
}

}  // namespace interlock
