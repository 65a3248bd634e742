#include "common/connection_key.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "absl/status/status.h"

namespace interlock {
namespace {

constexpr std::string_view upper_hex = "0123456789ABCDEF";
constexpr std::string_view lower_hex = "0123456789abcdef";
constexpr std::size_t hashed_subject_bytes = 1 + 2 * SHA256_DIGEST_LENGTH;

bool letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool plain_in_subject(char c) {
  return letter_or_digit(c) || c == '.' || c == '_' || c == '@' || c == '/' || c == '-';
}

bool plain_in_session(char c) { return letter_or_digit(c) || c == '_' || c == '-'; }

void append_hex(std::string& out, unsigned char byte, std::string_view digits) {
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

std::string percent_encode(std::string_view subject) {
  std::string out;
  for (const char c : subject) {
    if (plain_in_subject(c)) {
      out += c;
    } else {
      out += '%';
      append_hex(out, static_cast<unsigned char>(c), upper_hex);
    }
  }
  return out;
}

std::string hash_subject(std::string_view subject) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(subject.data()), subject.size(), digest.data());
  std::string out = "~";
  for (const unsigned char byte : digest) append_hex(out, byte, lower_hex);
  return out;
}

// Whether `text` begins with an escape that percent_encode would have written: upper case, and for
// a byte that needs one. Anything else would give one subject two keys.
bool canonical_escape(std::string_view text) {
  if (text.size() < 3) return false;
  const std::size_t high = upper_hex.find(text[1]);
  const std::size_t low = upper_hex.find(text[2]);
  if (high == std::string_view::npos || low == std::string_view::npos) return false;
  return !plain_in_subject(static_cast<char>(high * 16 + low));
}

bool valid_hashed_subject(std::string_view subject) {
  return subject.size() == hashed_subject_bytes &&
         subject.find_first_not_of(lower_hex, 1) == std::string_view::npos;
}

bool valid_encoded_subject(std::string_view subject) {
  if (subject.empty()) return false;
  if (subject.front() == '~') return valid_hashed_subject(subject);
  if (subject.size() > encoded_subject_bytes_max) return false;
  while (!subject.empty()) {
    if (plain_in_subject(subject.front())) {
      subject.remove_prefix(1);
    } else if (subject.front() == '%' && canonical_escape(subject)) {
      subject.remove_prefix(3);
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string encode_subject(std::string_view subject) {
  std::string encoded = percent_encode(subject);
  return encoded.size() <= encoded_subject_bytes_max ? encoded : hash_subject(subject);
}

bool valid_session(std::string_view session) {
  return !session.empty() && session.size() <= session_bytes_max &&
         std::all_of(session.begin(), session.end(), plain_in_session);
}

absl::StatusOr<std::string> make_connection_key(std::string_view subject,
                                                std::string_view session) {
  if (subject.empty()) return absl::InvalidArgumentError("A connection needs a subject.");
  if (!valid_session(session)) {
    return absl::InvalidArgumentError(
        "A session id is 1 to 64 characters out of A-Z, a-z, 0-9, '_' and '-'.");
  }
  return encode_subject(subject).append(":").append(session);
}

std::optional<ConnectionKeyParts> split_connection_key(std::string_view key) {
  const std::size_t colon = key.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view subject = key.substr(0, colon);
  const std::string_view session = key.substr(colon + 1);
  if (!valid_encoded_subject(subject) || !valid_session(session)) return std::nullopt;
  return ConnectionKeyParts{std::string(subject), std::string(session)};
}

bool valid_connection_key(std::string_view key) { return split_connection_key(key).has_value(); }

}  // namespace interlock
