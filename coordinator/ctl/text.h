// How a value is written for a person: safely, with the width that it takes on a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace interlock {

// What somebody else chose (a key, a subject, a message) must not be able to move the cursor, paint
// the terminal, or look like another text. Control characters, and the invisible characters that
// reorder or hide text, become `\n`, `\x1b` or `\u202e`; a backslash becomes two; bytes that are
// not UTF-8 become U+FFFD.
std::string escape_control(std::string_view text);

// Columns on a terminal of well-formed UTF-8 without control characters: two for a wide character,
// none for a combining one.
std::size_t display_width(std::string_view text);

// `850ms`, `45s`, `3m12s`, `2h05m`, `3d04h`: the two largest units. Below zero counts as zero,
// since clocks of two machines differ.
std::string format_duration_ms(std::int64_t duration_ms);

// In the local time zone: `2026-01-31 15:04:05.123`, and `15:04:05.123`.
std::string format_local_time(std::int64_t time_unix_ms);
std::string format_local_time_of_day(std::int64_t time_unix_ms);

std::int64_t now_unix_ms();

// `512 B`, `17 KiB`, `1.2 MiB`.
std::string format_bytes(std::uint64_t bytes);

// SOCKET_LOST to `socket lost`.
std::string words_of(std::string name);

// As much of a line as fits into so many columns. It may hold the escape sequences of style.h,
// which take none and are all kept, so that no colour runs on.
std::string clip_to_width(std::string_view painted, std::size_t columns);

}  // namespace interlock
