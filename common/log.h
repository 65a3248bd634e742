// What the program says while it runs: one JSON object a line, on stderr.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"

namespace interlock {

// The names that Cloud Logging gives them, in lower case.
enum class LogLevel { debug, info, notice, warning, error };

// "debug", "INFO" ...; INVALID_ARGUMENT lists what is accepted.
absl::StatusOr<LogLevel> parse_log_level(std::string_view text);

// One structured field. Both halves are views: they live as long as the statement that logs them.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  LogField(std::string_view n, std::convertible_to<std::string_view> auto const& text)
      : name(n), value(std::string_view(text)) {}
  LogField(std::string_view n, std::same_as<bool> auto yes) : name(n), value(yes) {}
  LogField(std::string_view n, std::signed_integral auto number)
      : name(n), value(std::int64_t{number}) {}
  LogField(std::string_view n, std::unsigned_integral auto number)
    requires(!std::same_as<decltype(number), bool>)
      : name(n), value(std::uint64_t{number}) {}
  LogField(std::string_view n, std::floating_point auto number) : name(n), value(double{number}) {}

  std::string_view name;
  Value value;
};
using LogFields = std::initializer_list<LogField>;

// A string in a line (message or field) is cut behind this many bytes.
inline constexpr std::size_t log_text_bytes_max = 8192;

struct LoggingOptions {
  std::string service;                 // goes into every line
  std::string trace_project_id;        // of Google Cloud, for lines about traces; empty: none
  LogLevel level = LogLevel::info;     // what is below is not written
  std::size_t queue_lines_max = 8192;  // a full queue loses its oldest line: logging never waits
};

// While it lives, lines are written by a thread of its own; its end writes what is queued. Before
// and after, whoever logs a line writes it at once, so no line is lost to the order in which things
// start and stop. main() owns the only one.
class Logging {
 public:
  explicit Logging(LoggingOptions options);
  ~Logging();
  Logging(const Logging&) = delete;
  Logging& operator=(const Logging&) = delete;

  std::uint64_t lines_lost() const;  // by a full queue, so far

 private:
  struct LogWorker* worker_;  // belongs to what log.cc never destroys
};

// The one value that the whole process shares: it makes a line that is not wanted cost one load.
inline std::atomic<LogLevel> least_log_level{LogLevel::info};

inline bool log_enabled(LogLevel level) {
  return level >= least_log_level.load(std::memory_order_relaxed);
}

// Writes what is queued; from now on whoever logs a line writes it at once. For a process that does
// not come back to main().
void write_log_at_once();

// Writes the line whatever the level. Bytes that are not UTF-8 become U+FFFD. A field cannot be
// called `severity`, `time`, `service` or `message`: it is left out.
void write_log(LogLevel level, std::string_view message, LogFields fields);

// log_info("Connection claimed.", {{"key", key}, {"generation", generation}});
inline void log_at(LogLevel level, std::string_view message, LogFields fields = {}) {
  if (log_enabled(level)) write_log(level, message, fields);
}
inline void log_debug(std::string_view text, LogFields fields = {}) {
  log_at(LogLevel::debug, text, fields);
}
inline void log_info(std::string_view text, LogFields fields = {}) {
  log_at(LogLevel::info, text, fields);
}
inline void log_notice(std::string_view text, LogFields fields = {}) {
  log_at(LogLevel::notice, text, fields);
}
inline void log_warning(std::string_view text, LogFields fields = {}) {
  log_at(LogLevel::warning, text, fields);
}
inline void log_error(std::string_view text, LogFields fields = {}) {
  log_at(LogLevel::error, text, fields);
}

}  // namespace interlock
