#include "coordinator/ctl/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <clocale>
#include <ctime>
#include <cwchar>
#include <iterator>
#include <utility>

#include "common/utf8.h"

namespace interlock {
namespace {

constexpr std::int64_t second_ms = 1000;
constexpr std::int64_t minute_ms = 60 * second_ms;
constexpr std::int64_t hour_ms = 60 * minute_ms;
constexpr std::int64_t day_ms = 24 * hour_ms;

struct Range {
  char32_t first;
  char32_t last;
};

// Beside the control characters: what the Unicode Standard calls format characters and separators,
// as far as they move, join, reorder or hide what stands around them.
constexpr Range unsafe_ranges[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0x61C, 0x61C},
                                   {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
                                   {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};

bool is_unsafe(char32_t character) {
  return std::any_of(std::begin(unsafe_ranges), std::end(unsafe_ranges), [&](const Range& range) {
    return range.first <= character && character <= range.last;
  });
}

struct Decoded {
  char32_t character;
  std::size_t bytes;
};

// `text` is well-formed UTF-8 and not empty.
Decoded decode_first(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t character = lead & (0xFFu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    character = (character << 6) | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  }
  return {character, bytes};
}

std::string escaped(char32_t character) {
  switch (character) {
    case U'\\':
      return "\\\\";
    case U'\n':
      return "\\n";
    case U'\r':
      return "\\r";
    case U'\t':
      return "\\t";
    default:
      break;
  }
  const auto number = static_cast<std::uint32_t>(character);
  if (number < 0x80) return fmt::format("\\x{:02x}", number);
  if (number <= 0xFFFF) return fmt::format("\\u{:04x}", number);
  return fmt::format("\\U{:08x}", number);
}

// wcwidth() asks the thread's locale, and the user's may know ASCII only.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = uselocale(locale_);
  }
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    uselocale(before_);
    freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t locale_ = nullptr;
  locale_t before_ = nullptr;
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::tm local(std::int64_t time_unix_ms) {
  // Rounded down, also before 1970.
  const std::int64_t seconds = time_unix_ms / second_ms - (time_unix_ms % second_ms < 0 ? 1 : 0);
  const auto time = static_cast<std::time_t>(seconds);
  std::tm fields{};
  localtime_r(&time, &fields);
  return fields;
}

int milliseconds_of(std::int64_t time_unix_ms) {
  return static_cast<int>((time_unix_ms % second_ms + second_ms) % second_ms);
}

}  // namespace

std::string escape_control(std::string_view text) {
  const std::string well_formed = replace_invalid_utf8(text);
  std::string_view rest = well_formed;
  std::string out;
  while (!rest.empty()) {
    const auto [character, bytes] = decode_first(rest);
    if (character == U'\\' || is_unsafe(character)) {
      out += escaped(character);
    } else {
      out += rest.substr(0, bytes);
    }
    rest.remove_prefix(bytes);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  if (is_ascii(text)) return text.size();
  const Utf8Locale utf8;
  std::size_t columns = 0;
  while (!text.empty()) {
    const auto [character, bytes] = decode_first(text);
    const int width = wcwidth(static_cast<wchar_t>(character));
    columns += width < 0 ? 1 : static_cast<std::size_t>(width);
    text.remove_prefix(bytes);
  }
  return columns;
}

std::string format_duration_ms(std::int64_t duration_ms) {
  const std::int64_t ms = std::max<std::int64_t>(duration_ms, 0);
  if (ms < second_ms) return fmt::format("{}ms", ms);
  if (ms < minute_ms) return fmt::format("{}s", ms / second_ms);
  if (ms < hour_ms) return fmt::format("{}m{:02}s", ms / minute_ms, ms % minute_ms / second_ms);
  if (ms < day_ms) return fmt::format("{}h{:02}m", ms / hour_ms, ms % hour_ms / minute_ms);
  return fmt::format("{}d{:02}h", ms / day_ms, ms % day_ms / hour_ms);
}

std::string format_local_time(std::int64_t time_unix_ms) {
  const std::tm at = local(time_unix_ms);
  return fmt::format("{:04}-{:02}-{:02} {}", at.tm_year + 1900, at.tm_mon + 1, at.tm_mday,
                     format_local_time_of_day(time_unix_ms));
}

std::string format_local_time_of_day(std::int64_t time_unix_ms) {
  const std::tm at = local(time_unix_ms);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", at.tm_hour, at.tm_min, at.tm_sec,
                     milliseconds_of(time_unix_ms));
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
  return unit > 0 && value < 10 ? fmt::format("{:.1f} {}", value, units[unit])
                                : fmt::format("{:.0f} {}", value, units[unit]);
}

std::string words_of(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
    return c == '_' ? ' ' : static_cast<char>(std::tolower(c));
  });
  return name;
}

std::string clip_to_width(std::string_view painted, std::size_t columns) {
  std::string out;
  std::size_t used = 0;
  bool full = false;
  while (!painted.empty()) {
    std::size_t bytes = 0;
    if (painted.front() == '\x1b') {
      bytes = std::min(painted.find('m'), painted.size() - 1) + 1;
      out += painted.substr(0, bytes);
    } else {
      bytes = std::min(decode_first(painted).bytes, painted.size());
      const std::size_t width = display_width(painted.substr(0, bytes));
      full = full || used + width > columns;
      if (!full) out += painted.substr(0, bytes);
      used += width;
    }
    painted.remove_prefix(bytes);
  }
  return out;
}

std::int64_t now_unix_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace interlock
