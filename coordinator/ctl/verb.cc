#include "coordinator/ctl/verb.h"

#include <fmt/format.h>

#include <charconv>

#include "coordinator/ctl/text.h"

namespace interlock {

absl::StatusOr<std::uint64_t> VerbArguments::number(std::string_view flag) const {
  const auto given = flags.find(flag);
  if (given == flags.end()) return 0;
  const std::string& text = given->second;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == 0) {
    return absl::InvalidArgumentError(
        fmt::format("--{} does not accept \"{}\"; it takes a whole number from 1.", flag,
                    escape_control(text)));
  }
  return number;
}

}  // namespace interlock
