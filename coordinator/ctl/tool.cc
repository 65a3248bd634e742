#include "coordinator/ctl/tool.h"

#include <fmt/format.h>

#include <cstring>

#include "coordinator/ctl/command_line.h"
#include "coordinator/ctl/failure.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

Outcome run(const std::vector<std::string>& arguments, const Environment& environment,
            Output& output) {
  const auto line = parse_command_line(arguments, all_verbs());
  if (!line.ok()) return usage_failure(line.status());
  const auto settings = read_tool_settings(line->global_arguments, environment);
  if (!settings.ok()) return usage_failure(settings.status());
  if (!settings->other_coordinators.empty() && !line->verb.asks_several) {
    return Failure{ExitCode::kUsage,
                   fmt::format("{} asks one coordinator, and --coordinator names several: give "
                               "one of them.",
                               line->verb.name)};
  }
  Tool tool{.settings = *settings, .output = output};
  return line->verb.run(tool, line->arguments);
}

}  // namespace

int run_tool(const std::vector<std::string>& arguments, const Environment& environment,
             Output& output) {
  Outcome outcome = run(arguments, environment, output);
  if (!outcome && output.error() != 0) {
    outcome = Failure{ExitCode::kFailed,
                      fmt::format("Cannot write the answer: {}.", std::strerror(output.error()))};
  }
  if (!outcome) return static_cast<int>(ExitCode::kOk);
  output.note("interlockctl: " + outcome->sentence);
  return static_cast<int>(outcome->code);
}

}  // namespace interlock
