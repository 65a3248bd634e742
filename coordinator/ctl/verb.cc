#include "coordinator/ctl/verb.h"

#include <fmt/format.h>

#include <charconv>

#include "absl/time/time.h"
#include "coordinator/ctl/text.h"

namespace interlock {
namespace {

constexpr absl::Duration longest_duration = absl::Hours(24 * 365);

}  // namespace

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

absl::StatusOr<std::uint64_t> VerbArguments::duration_ms(std::string_view flag) const {
  const auto given = flags.find(flag);
  if (given == flags.end()) return 0;
  absl::Duration duration;
  if (!absl::ParseDuration(given->second, &duration) || duration < absl::Milliseconds(1) ||
      duration > longest_duration) {
    return absl::InvalidArgumentError(
        fmt::format("--{} does not accept \"{}\"; it takes a duration from 1ms to {}h, such as "
                    "90s.",
                    flag, escape_control(given->second), absl::ToInt64Hours(longest_duration)));
  }
  return static_cast<std::uint64_t>(absl::ToInt64Milliseconds(duration));
}

}  // namespace interlock
