#include "coordinator/ctl/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "coordinator/ctl/settings.h"

namespace interlock {
namespace {

using Words = std::vector<std::string>;

std::string joined(const Words& words, std::string_view between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : std::string(between)) + word;
  return out;
}

// As one word of a shell, whatever it holds.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string replaced(std::string text, const std::map<std::string, std::string>& values) {
  for (const auto& [name, value] : values) {
    for (std::size_t at = text.find(name); at != std::string::npos;
         at = text.find(name, at + value.size())) {
      text.replace(at, name.size(), value);
    }
  }
  return text;
}

// `store export`: {"store", "export"}; `list`: {"list", ""}.
std::pair<std::string, std::string> two_words_of(const Verb& verb) {
  const std::size_t blank = verb.name.find(' ');
  if (blank == std::string::npos) return {verb.name, ""};
  return {verb.name.substr(0, blank), verb.name.substr(blank + 1)};
}

// What a verb's operands may be, as far as it is known without asking anybody.
struct Operands {
  Words words;
  bool files = false;
};

Operands operands_of(const Verb& verb, const std::vector<Verb>& verbs) {
  Operands operands{.words = {}, .files = verb.operands.find("FILE") != std::string::npos};
  if (verb.name == "help") {
    for (const Verb& one : verbs) {
      const auto [first, second] = two_words_of(one);
      operands.words.push_back(first);
      if (!second.empty()) operands.words.push_back(second);
    }
  }
  if (verb.name == "completion") operands.words = {"bash", "zsh", "fish"};
  return operands;
}

// `--live`, `--filter=`.
Words flags_of(const Verb& verb) {
  Words flags;
  for (const VerbFlag& flag : verb.flags) {
    flags.push_back("--" + flag.name + (flag.value.empty() ? "" : "="));
  }
  return flags;
}

Words global_flags() {
  Words flags;
  for (const std::string& name : global_flag_names()) {
    flags.push_back("--" + name + (global_flag_takes_value(name).value_or(false) ? "=" : ""));
  }
  flags.emplace_back("--help");
  return flags;
}

// All that are read with a value behind them, and those whose value is a file.
struct ValuedFlags {
  std::set<std::string> all;
  std::set<std::string> files;
};

ValuedFlags valued_flags(const std::vector<Verb>& verbs) {
  ValuedFlags valued{.all = {}, .files = {"--token_file"}};
  for (const std::string& flag : global_flags()) {
    if (flag.ends_with('=')) valued.all.insert(flag.substr(0, flag.size() - 1));
  }
  for (const Verb& verb : verbs) {
    for (const VerbFlag& flag : verb.flags) {
      if (!flag.value.empty()) valued.all.insert("--" + flag.name);
      if (flag.value == "FILE") valued.files.insert("--" + flag.name);
    }
  }
  return valued;
}

// {first word: its second words}, for verbs of two words.
std::map<std::string, Words> parents(const std::vector<Verb>& verbs) {
  std::map<std::string, Words> all;
  for (const Verb& verb : verbs) {
    const auto [first, second] = two_words_of(verb);
    if (!second.empty()) all[first].push_back(second);
  }
  return all;
}

Words first_words(const std::vector<Verb>& verbs) {
  std::set<std::string> first;
  for (const Verb& verb : verbs) first.insert(two_words_of(verb).first);
  return {first.begin(), first.end()};
}

Words keys_of(const std::map<std::string, Words>& map) {
  Words keys;
  for (const auto& [key, words] : map) keys.push_back(key);
  return keys;
}

// bash breaks words at `=` and `:`, so the line is read anew: what has been typed in whole words,
// and the one that is being typed. zsh gives its words as they are; the rest is the same.
constexpr const char* bash_script =
    R"(# interlockctl for bash. Use it: source <(interlockctl completion bash)
_interlockctl() {
  local line="${COMP_LINE:0:COMP_POINT}" current=""
  local -a typed
  read -ra typed <<< "$line"
  if [[ "$line" != *[[:space:]] ]]; then
    current="${typed[-1]}"
    unset 'typed[-1]'
  fi
  local choices="" files=""
@FIND@
  if [[ -n "$files" ]]; then
    compopt -o filenames 2> /dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "${current##*=}")
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
  [[ "${COMPREPLY[0]}" == *= ]] && compopt -o nospace 2> /dev/null
  return 0
}
complete -F _interlockctl interlockctl
)";

constexpr const char* zsh_script = R"(#compdef interlockctl
# interlockctl for zsh. Use it: source <(interlockctl completion zsh)
_interlockctl() {
  local current="${words[CURRENT]}"
  local -a typed=("${(@)words[1,CURRENT-1]}")
  () {
    setopt local_options no_nomatch
    local choices="" files=""
@FIND@
    if [[ -n "$files" ]]; then
      [[ "$current" == *=* ]] && compset -P '*='
      _files
      return
    fi
    local -a ends=(${(M)${=choices}:#*=}) whole=(${${=choices}:#*=})
    compadd -S '' -- "${ends[@]}"
    compadd -- "${whole[@]}"
  }
}
compdef _interlockctl interlockctl
)";

// Sets `choices` or `files` from `typed` and `current`, in what both shells understand.
constexpr const char* find_part = R"(  local verb="" skip="" word
  for word in "${typed[@]:1}"; do
    if [[ -n "$skip" ]]; then
      skip=""
    elif [[ "$word" == -* ]]; then
      [[ " @VALUED@ " == *" $word "* ]] && skip="$word"
    elif [[ -z "$verb" ]]; then
      verb="$word"
    elif [[ " @PARENTS@ " == *" $verb "* ]]; then
      verb="$verb $word"
    fi
  done
  if [[ -z "$skip" && "$current" == --*=* ]]; then skip="${current%%=*}"; fi
  if [[ -n "$skip" ]]; then
    [[ " @FILES@ " == *" $skip "* ]] && files=yes
  else
    case "$verb" in
@CASES@
    esac
    if [[ "$current" == -* ]]; then files=""; fi
    if [[ -n "$verb" || "$current" == -* ]]; then choices="$choices @GLOBAL@"; fi
  fi)";

std::string cases(const std::vector<Verb>& verbs) {
  std::string out =
      fmt::format("      '') choices={} ;;\n", quoted(joined(first_words(verbs), " ")));
  for (const auto& [first, second] : parents(verbs)) {
    out += fmt::format("      {}) choices={} ;;\n", quoted(first), quoted(joined(second, " ")));
  }
  for (const Verb& verb : verbs) {
    const Operands operands = operands_of(verb, verbs);
    Words words = operands.words;
    const Words flags = flags_of(verb);
    words.insert(words.end(), flags.begin(), flags.end());
    out += fmt::format("      {}) choices={}{} ;;\n", quoted(verb.name), quoted(joined(words, " ")),
                       operands.files ? " files=yes" : "");
  }
  out.pop_back();
  return out;
}

std::string posix_like(const char* script, const std::vector<Verb>& verbs) {
  const ValuedFlags valued = valued_flags(verbs);
  return replaced(
      script,
      {{"@FIND@",
        replaced(find_part, {{"@VALUED@", joined({valued.all.begin(), valued.all.end()}, " ")},
                             {"@FILES@", joined({valued.files.begin(), valued.files.end()}, " ")},
                             {"@PARENTS@", joined(keys_of(parents(verbs)), " ")},
                             {"@GLOBAL@", joined(global_flags(), " ")},
                             {"@CASES@", cases(verbs)}})}});
}

// fish wants a line for each thing, with the condition under which it may come.
std::string fish_script(const std::vector<Verb>& verbs) {
  constexpr std::string_view head = "complete -c interlockctl";
  const std::string first = joined(first_words(verbs), " ");
  std::string out = "# interlockctl for fish. Use it: interlockctl completion fish | source\n";
  out += fmt::format("{} -f\n", head);
  for (const std::string& name : global_flag_names()) {
    const bool valued = global_flag_takes_value(name).value_or(false);
    out += fmt::format("{} -l {}{}\n", head, name,
                       name == "token_file" ? " -rF"
                       : valued             ? " -x"
                                            : "");
  }
  for (const Verb& verb : verbs) {
    const auto [word, second] = two_words_of(verb);
    const std::string summary = quoted(verb.summary);
    const std::string nothing_yet = quoted("not __fish_seen_subcommand_from " + first);
    std::string here = "__fish_seen_subcommand_from " + word;
    out += fmt::format("{} -n {} -a {} -d {}\n", head, nothing_yet, word, summary);
    if (!second.empty()) {
      out += fmt::format("{} -n {} -a {} -d {}\n", head, quoted(here), second, summary);
      here += "; and __fish_seen_subcommand_from " + second;
    }
    const Operands operands = operands_of(verb, verbs);
    if (operands.files) out += fmt::format("{} -n {} -F\n", head, quoted(here));
    if (!operands.words.empty()) {
      out +=
          fmt::format("{} -n {} -a {}\n", head, quoted(here), quoted(joined(operands.words, " ")));
    }
    for (const VerbFlag& flag : verb.flags) {
      out += fmt::format("{} -n {} -l {}{} -d {}\n", head, quoted(here), flag.name,
                         flag.value == "FILE" ? " -rF"
                         : flag.value.empty() ? ""
                                              : " -x",
                         quoted(flag.help));
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> completion_script(std::string_view shell,
                                             const std::vector<Verb>& verbs) {
  if (shell == "bash") return posix_like(bash_script, verbs);
  if (shell == "zsh") return posix_like(zsh_script, verbs);
  if (shell == "fish") return fish_script(verbs);
  return std::nullopt;
}

}  // namespace interlock
