#include "common/utf8.h"

namespace interlock {

Utf8Lead read_utf8_lead(unsigned char byte) {
  if (byte < 0x80) return {1};
  if (byte < 0xC2) return {0};
  if (byte < 0xE0) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

namespace {

constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

struct Sequence {
  std::size_t bytes;  // at least 1
  bool well_formed;
};

// `text` is not empty.
Sequence first_sequence(std::string_view text) {
  const Utf8Lead lead = read_utf8_lead(static_cast<unsigned char>(text.front()));
  if (lead.bytes == 0) return {1, false};
  for (std::size_t i = 1; i < lead.bytes; ++i) {
    if (i == text.size()) return {i, false};
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool fits =
        i == 1 ? lead.second_min <= byte && byte <= lead.second_max : (byte & 0xC0) == 0x80;
    if (!fits) return {i, false};
  }
  return {lead.bytes, true};
}

// How many bytes at the front are well-formed.
std::size_t well_formed_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Sequence sequence = first_sequence(text.substr(at));
    if (!sequence.well_formed) break;
    at += sequence.bytes;
  }
  return at;
}

}  // namespace

bool valid_utf8(std::string_view text) { return well_formed_prefix(text) == text.size(); }

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t good = well_formed_prefix(text);
    out.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) return out;
    out.append(replacement_character);
    text.remove_prefix(first_sequence(text).bytes);
  }
}

}  // namespace interlock
