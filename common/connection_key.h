// How one client's connection is named, everywhere and for ever.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace interlock {

// A connection key is `<encoded subject>:<session>`. The subject is the verified token's `sub`,
// percent-encoded outside [A-Za-z0-9._@/-]; one that would be longer than 180 bytes is written as
// `~` and its SHA-256 in hexadecimal. Neither half can contain ':', and '~' cannot begin an encoded
// subject, so two different subjects never share a key.
inline constexpr std::size_t encoded_subject_bytes_max = 180;
inline constexpr std::size_t session_bytes_max = 64;
inline constexpr std::size_t connection_key_bytes_max =
    encoded_subject_bytes_max + 1 + session_bytes_max;

struct ConnectionKeyParts {
  std::string subject;  // as it stands in the key: encoded or hashed
  std::string session;

  friend bool operator==(const ConnectionKeyParts&, const ConnectionKeyParts&) = default;
};

// The subject's half of a key. Any bytes are allowed; an empty subject gives an empty string.
std::string encode_subject(std::string_view subject);

// Whether `session` matches [A-Za-z0-9_-]{1,64}.
bool valid_session(std::string_view session);

// INVALID_ARGUMENT with a sentence when the subject is empty or the session is not valid.
absl::StatusOr<std::string> make_connection_key(std::string_view subject, std::string_view session);

// Nothing unless `key` is exactly what make_connection_key could have returned.
std::optional<ConnectionKeyParts> split_connection_key(std::string_view key);

bool valid_connection_key(std::string_view key);

}  // namespace interlock
