// The keys that tokens are verified with.
//
// A thin wall around libcjose, which is included in key_set.cc only.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace interlock {

inline constexpr std::size_t hs256_key_bytes_min = 32;  // RFC 7518, section 3.2
inline constexpr std::size_t rsa_key_bits_min = 2048;   // RFC 7518, section 3.3
inline constexpr std::size_t rsa_key_bits_max = 8192;   // more only costs time at each token
inline constexpr std::size_t key_set_bytes_max = std::size_t{256} * 1024;
inline constexpr std::size_t key_set_keys_max = 64;

enum class SignatureVerdict {
  good,
  unknown_key,            // no key has the name that the token's header gives
  unsupported_algorithm,  // not the one that the key of that name is for
  bad_signature,
};

// An algorithm (HS256, RS256 or ES256) belongs to each key and is never taken from the token, so a
// token can neither switch the check off (`none`) nor turn a public key into a shared secret. A
// value that never changes; may be used from any thread.
class KeySet {
 public:
  // One secret, which serves tokens whatever `kid` they name.
  static absl::StatusOr<KeySet> from_hs256_key(std::string_view secret);
  // A JSON Web Key Set (RFC 7517) of public keys: RSA for RS256 and P-256 for ES256. What is for
  // encryption, of another kind, weak or without a `kid` is left out. INVALID_ARGUMENT is a
  // sentence that quotes nothing: not a key set, too many keys, two keys of one name and algorithm,
  // or none that can be used.
  static absl::StatusOr<KeySet> from_jwks(std::string_view json);

  KeySet(KeySet&&) noexcept;
  KeySet& operator=(KeySet&&) noexcept;
  ~KeySet();

  std::size_t size() const;
  // `token`: a compact JWS whose header names `kid` (empty: none) and `algorithm`.
  SignatureVerdict verify(std::string_view token, std::string_view kid,
                          std::string_view algorithm) const;

 private:
  struct Key;
  KeySet();

  std::vector<Key> keys_;
};

// The bytes that base64url stands for, as RFC 7515 has it; false: it is something else. Strict: no
// padding, nothing else between, and the bits that the last character does not need are zero, so
// that a text is written in one way only.
bool decode_base64url(std::string_view text, std::string& bytes);
bool is_base64url(std::string_view text);

}  // namespace interlock
