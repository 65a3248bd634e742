#include "coordinator/ctl/event_data.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/json_check.h"
#include "common/utf8.h"
#include "coordinator/authority/limits.h"

namespace interlock {
namespace {

constexpr std::size_t data_depth_max = 64;  // as the coordinator counts it
constexpr const char* white_space = " \t\r\n";

std::size_t data_bytes_max() { return AuthorityLimits{}.payload_bytes_max; }

absl::Status too_long() {
  return absl::InvalidArgumentError(
      fmt::format("The data is longer than {} bytes, which is what an event may hold: send a "
                  "reference to it instead.",
                  data_bytes_max()));
}

absl::StatusOr<std::string> read_standard_input() {
  std::string text;
  std::array<char, 4096> chunk{};
  for (;;) {
    const ssize_t got = read(STDIN_FILENO, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return absl::InvalidArgumentError(
          fmt::format("Standard input cannot be read: {}.", std::strerror(errno)));
    }
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
    if (text.size() > 2 * data_bytes_max()) return too_long();
  }
}

}  // namespace

absl::StatusOr<std::string> read_event_data(const std::string& operand) {
  if (operand != "-") return check_event_data(operand);
  const absl::StatusOr<std::string> text = read_standard_input();
  if (!text.ok()) return text.status();
  return check_event_data(*text);
}

absl::StatusOr<std::string> check_event_data(const std::string& text) {
  const std::size_t from = text.find_first_not_of(white_space);
  if (from == std::string::npos) {
    return absl::InvalidArgumentError(
        "There is no data: give one JSON value, such as '{\"n\":1}', or null, behind the type or "
        "on "
        "standard input.");
  }
  const std::string data = text.substr(from, text.find_last_not_of(white_space) + 1 - from);
  if (data.size() > data_bytes_max()) return too_long();
  if (!valid_utf8(data)) {
    return absl::InvalidArgumentError("The data is not UTF-8, so it is not JSON.");
  }
  if (const auto error = check_json(data, data_depth_max)) {
    return absl::InvalidArgumentError(
        fmt::format("The data is not one JSON value ({}): a text stands in quotes of its own, such "
                    "as '\"hello\"'.",
                    error.message()));
  }
  return data;
}

}  // namespace interlock
