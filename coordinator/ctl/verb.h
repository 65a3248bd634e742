// One thing that the tool can be asked to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/ctl/failure.h"
#include "coordinator/ctl/output.h"
#include "coordinator/ctl/settings.h"

namespace interlock {

// What a verb works with.
struct Tool {
  const ToolSettings& settings;
  Output& output;
};

// What stood behind the verb.
struct VerbArguments {
  std::vector<std::string> operands;
  std::map<std::string, std::string, std::less<>> flags;  // those given; "" for one without a value

  bool has(std::string_view flag) const { return flags.contains(flag); }
  // Empty when it was not given.
  std::string value(std::string_view flag) const {
    const auto given = flags.find(flag);
    return given == flags.end() ? "" : given->second;
  }
  // 0 when it was not given; INVALID_ARGUMENT with a sentence.
  absl::StatusOr<std::uint64_t> number(std::string_view flag) const;
};

struct VerbFlag {
  std::string name;
  std::string value;  // what stands behind it in the help, such as `N`; empty: takes no value
  std::string help;
};

struct Verb {
  std::string name;  // may be two words: `gateway drain`
  std::string operands;  // as the help shows them: `KEY`, `[KEY]`
  std::size_t operands_min = 0;
  std::size_t operands_max = 0;
  std::vector<VerbFlag> flags;
  std::string summary;  // one line, for the list of verbs
  std::string description;  // paragraphs, for the verb's own help
  std::vector<std::string> examples;
  Outcome (*run)(Tool& tool, const VerbArguments& arguments) = nullptr;
  bool asks_several = false;  // whether --coordinator may name more than one
};

}  // namespace interlock
