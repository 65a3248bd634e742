// The verbs about the tool itself: version, help.
#include <fmt/format.h>

#include <algorithm>

#include "common/version.h"
#include "coordinator/ctl/command_line.h"
#include "coordinator/ctl/table.h"
#include "coordinator/ctl/text.h"
#include "coordinator/ctl/verbs.h"

namespace interlock {
namespace {

constexpr std::string_view exit_codes =
    "Exit codes:\n"
    "  0  it worked\n"
    "  1  none of the others\n"
    "  2  asked in a way that makes no sense\n"
    "  3  there is no such connection\n"
    "  4  the coordinator was asked and said no\n"
    "  5  nobody answered, or not in time: trying again may help\n";

std::string overview() {
  const std::vector<Verb> verbs = all_verbs();
  std::size_t longest = 0;
  for (const Verb& verb : verbs) {
    longest = std::max(longest, verb.name.size() + 1 + verb.operands.size());
  }
  std::string out =
      "interlockctl looks at connections and steers them.\n\n"
      "interlockctl [FLAGS] VERB ...\n\nVerbs:\n";
  for (const Verb& verb : verbs) {
    out += fmt::format("  {:<{}}  {}\n", verb.name + " " + verb.operands, longest, verb.summary);
  }
  return out + fmt::format("\nFlags of all verbs:\n{}\n{}\ninterlockctl help VERB says more.\n",
                           describe_global_flags(), exit_codes);
}

// Breaks at spaces, so that no line is longer than `columns`.
std::string wrap_line(std::string_view text, std::size_t columns) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    const bool fits = column + 1 + word.size() <= columns;
    if (column != 0) out += fits ? ' ' : '\n';
    column = (column == 0 || !fits ? 0 : column + 1) + word.size();
    out += word;
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return out;
}

// Paragraphs stay apart.
std::string wrap(std::string_view text, std::size_t columns) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += wrap_line(text.substr(0, end), columns);
    if (end < text.size()) out += '\n';
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return out;
}

std::string help_on(const Verb& verb) {
  std::string out =
      fmt::format("{}\n\n{}.\n{}\n", usage_of(verb), verb.summary, wrap(verb.description, 80));
  if (!verb.flags.empty()) out += "\nFlags:\n";
  Table flags({{}, {}, {}}, false);
  for (const VerbFlag& flag : verb.flags) {
    flags.add({"", "--" + (flag.value.empty() ? flag.name : flag.name + "=" + flag.value),
               flag.help});
  }
  out += flags.take();
  if (!verb.examples.empty()) out += "\nExamples:\n";
  for (const std::string& example : verb.examples) out += fmt::format("  {}\n", example);
  return out;
}

Outcome run_help(Tool& tool, const VerbArguments& arguments) {
  std::string name;
  for (const std::string& word : arguments.operands) name += (name.empty() ? "" : " ") + word;
  const std::vector<Verb> verbs = all_verbs();
  const auto verb = std::find_if(verbs.begin(), verbs.end(),
                                 [&](const Verb& candidate) { return candidate.name == name; });
  if (!name.empty() && verb == verbs.end()) {
    return Failure{ExitCode::kUsage,
                   fmt::format("There is no verb \"{}\"; interlockctl help lists them.",
                               escape_control(name))};
  }
  tool.output.print(name.empty() ? overview() : help_on(*verb));
  return std::nullopt;
}

Outcome run_version(Tool& tool, const VerbArguments&) {
  tool.output.print(tool.settings.json ? fmt::format("{{\"version\":\"{}\"}}\n", version())
                                       : fmt::format("interlockctl {}\n", version()));
  return std::nullopt;
}

}  // namespace

Verb version_verb() {
  return {.name = "version",
          .operands = "",
          .operands_min = 0,
          .operands_max = 0,
          .flags = {},
          .summary = "The version of this tool",
          .description = "Asks no coordinator.",
          .examples = {"interlockctl version"},
          .run = run_version};
}

Verb help_verb() {
  return {.name = "help",
          .operands = "[VERB]",
          .operands_min = 0,
          .operands_max = 2,
          .flags = {},
          .summary = "What can be asked, and how",
          .description = "With a verb: its flags and examples.",
          .examples = {"interlockctl help list"},
          .run = run_help};
}

}  // namespace interlock
