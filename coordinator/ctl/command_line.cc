#include "coordinator/ctl/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>
#include <utility>

#include "coordinator/ctl/text.h"

namespace interlock {
namespace {

bool is_flag(const std::string& argument) { return argument.size() > 1 && argument.front() == '-'; }

bool asks_for_help(const std::string& argument) { return argument == "--help" || argument == "-h"; }

// The name of `--name`, `-name`, `--name=value`.
std::string flag_name(const std::string& argument) {
  const std::size_t from = argument.find_first_not_of('-');
  if (from == std::string::npos) return "";
  return argument.substr(from, argument.find('=') - from);
}

bool has_value(const std::string& argument) { return argument.find('=') != std::string::npos; }

const Verb* find_verb(const std::vector<Verb>& verbs, const std::string& name) {
  const auto found =
      std::find_if(verbs.begin(), verbs.end(), [&](const Verb& verb) { return verb.name == name; });
  return found == verbs.end() ? nullptr : &*found;
}

const VerbFlag* find_flag(const Verb& verb, const std::string& name) {
  const auto found = std::find_if(verb.flags.begin(), verb.flags.end(),
                                  [&](const VerbFlag& flag) { return flag.name == name; });
  return found == verb.flags.end() ? nullptr : &*found;
}

// By how many letters two words differ (Levenshtein's distance).
std::size_t distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= left.size(); ++i) {
    std::size_t corner = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t replaced = corner + (left[i - 1] == right[j - 1] ? 0 : 1);
      corner = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

// `: did you mean "watch"?`, or `;` when no verb looks like it.
std::string suggestion(const std::string& word, const std::string& second,
                       const std::vector<Verb>& verbs) {
  constexpr std::size_t typed_bytes_max = 32;  // nobody mistypes more than that
  if (word.size() + second.size() > typed_bytes_max) return ";";
  const Verb* best = nullptr;
  std::size_t best_distance = 3;
  for (const Verb& verb : verbs) {
    const bool two_words = verb.name.find(' ') != std::string::npos;
    const std::string& name = verb.name;
    const std::size_t apart = distance(two_words ? word + " " + second : word, name);
    const bool begins = word.size() > 1 && name.starts_with(word);
    if (const std::size_t counted = begins ? 0 : apart; counted < best_distance) {
      best = &verb;
      best_distance = counted;
    }
  }
  return best == nullptr ? ";" : fmt::format(": did you mean \"{}\"?", best->name);
}

absl::Status refuse(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

class Parser {
 public:
  Parser(const std::vector<std::string>& arguments, const std::vector<Verb>& verbs)
      : arguments_(arguments), verbs_(verbs) {}

  absl::StatusOr<CommandLine> parse() {
    const absl::Status before = read_flags_before_the_verb();
    if (!before.ok()) return before;
    const absl::Status verb = read_verb();
    if (!verb.ok()) return verb;
    const absl::Status behind = read_what_is_behind();
    if (!behind.ok()) return behind;
    if (help_) return help_on(result_.verb.name == "help" ? "" : result_.verb.name);
    const std::size_t operands = result_.arguments.operands.size();
    if (operands < result_.verb.operands_min || operands > result_.verb.operands_max) {
      return refuse(
          fmt::format("That is not how to use {}: {}", result_.verb.name, usage_of(result_.verb)));
    }
    return std::move(result_);
  }

 private:
  bool done() const { return next_ == arguments_.size(); }

  absl::Status read_flags_before_the_verb() {
    while (!done() && is_flag(arguments_[next_]) && arguments_[next_] != "--") {
      const std::string& argument = arguments_[next_++];
      if (asks_for_help(argument)) {
        help_ = true;
      } else if (argument == "--version") {
        version_ = true;
      } else {
        const absl::Status taken = take_global(argument);
        if (!taken.ok()) return taken;
      }
    }
    return absl::OkStatus();
  }

  absl::Status read_verb() {
    if (!done() && arguments_[next_] == "--") ++next_;
    if (version_) next_ = arguments_.size();
    if (done() && (help_ || version_)) {
      result_.verb = *find_verb(verbs_, version_ ? "version" : "help");
      return absl::OkStatus();
    }
    if (done())
      return refuse("Say what to do, such as interlockctl list; interlockctl help lists it all.");
    const std::string& word = arguments_[next_];
    const std::string second = next_ + 1 < arguments_.size() ? arguments_[next_ + 1] : "";
    const Verb* two_words = find_verb(verbs_, word + " " + second);
    const Verb* verb = two_words != nullptr ? two_words : find_verb(verbs_, word);
    if (verb == nullptr) {
      const bool half = std::ranges::any_of(
          verbs_, [&](const Verb& one) { return one.name.starts_with(word + " "); });
      const std::string typed = half && !second.empty() ? word + " " + second : word;
      return refuse(fmt::format("There is no verb \"{}\"{} interlockctl help lists them.",
                                escape_control(typed), suggestion(word, second, verbs_)));
    }
    next_ += two_words != nullptr ? 2 : 1;
    result_.verb = *verb;
    return absl::OkStatus();
  }

  absl::Status read_what_is_behind() {
    bool flags_end = false;
    while (!done()) {
      const std::string& argument = arguments_[next_++];
      if (!flags_end && argument == "--") {
        flags_end = true;
      } else if (flags_end || !is_flag(argument)) {
        result_.arguments.operands.push_back(argument);
      } else if (asks_for_help(argument)) {
        help_ = true;
      } else {
        const absl::Status taken = take_flag(argument);
        if (!taken.ok()) return taken;
      }
    }
    return absl::OkStatus();
  }

  absl::Status take_flag(const std::string& argument) {
    const VerbFlag* flag = find_flag(result_.verb, flag_name(argument));
    if (flag == nullptr) return take_global(argument);
    std::string value;
    if (flag->value.empty() && has_value(argument)) {
      return refuse(fmt::format("--{} takes no value.", flag->name));
    }
    if (!flag->value.empty()) {
      if (!has_value(argument) && done()) {
        return refuse(fmt::format("--{} needs a value behind it.", flag->name));
      }
      value = has_value(argument) ? argument.substr(argument.find('=') + 1) : arguments_[next_++];
    }
    result_.arguments.flags[flag->name] = value;
    return absl::OkStatus();
  }

  // The value is judged where the settings are read; here it only has to be kept together.
  absl::Status take_global(const std::string& argument) {
    const auto takes_value = global_flag_takes_value(flag_name(argument));
    if (!takes_value) {
      return refuse(fmt::format("There is no flag {}; {} shows what there is.",
                                escape_control(argument.substr(0, argument.find('='))),
                                result_.verb.name.empty()
                                    ? "interlockctl help"
                                    : "interlockctl help " + result_.verb.name));
    }
    result_.global_arguments.push_back(argument);
    if (*takes_value && !has_value(argument) && !done()) {
      result_.global_arguments.push_back(arguments_[next_++]);
    }
    return absl::OkStatus();
  }

  CommandLine help_on(const std::string& verb_name) const {
    VerbArguments arguments;
    if (!verb_name.empty()) arguments.operands.push_back(verb_name);
    return {.global_arguments = {}, .verb = *find_verb(verbs_, "help"), .arguments = arguments};
  }

  const std::vector<std::string>& arguments_;
  const std::vector<Verb>& verbs_;
  std::size_t next_ = 0;
  bool help_ = false;
  bool version_ = false;
  CommandLine result_;
};

}  // namespace

absl::StatusOr<CommandLine> parse_command_line(const std::vector<std::string>& arguments,
                                               const std::vector<Verb>& verbs) {
  return Parser(arguments, verbs).parse();
}

std::string usage_of(const Verb& verb) {
  std::string usage = "interlockctl " + verb.name;
  if (!verb.operands.empty()) usage += " " + verb.operands;
  for (const VerbFlag& flag : verb.flags) {
    usage += flag.value.empty() ? fmt::format(" [--{}]", flag.name)
                                : fmt::format(" [--{}={}]", flag.name, flag.value);
  }
  return usage;
}

}  // namespace interlock
