// Who is calling, proved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"

namespace interlock {

inline constexpr std::size_t token_bytes_max = 8192;
inline constexpr std::size_t hs256_key_bytes_min = 32;  // RFC 7518, section 3.2
inline constexpr std::size_t token_key_file_bytes_max = 4096;

// By how much the issuer's clock may differ from ours.
inline constexpr std::int64_t clock_skew_seconds = 30;

struct VerifiedToken {
  std::string subject;                     // `sub`, never empty
  std::optional<std::int64_t> expires_at;  // `exp` in unix seconds, when the token has one

  friend bool operator==(const VerifiedToken&, const VerifiedToken&) = default;
};

enum class TokenRejection {
  malformed,              // not a compact JWT, too long, or a claim has the wrong type
  unsupported_algorithm,  // not the key's own algorithm, or the header demands an extension
                          // (`crit`)
  bad_signature,
  expired,
  not_yet_valid,
  no_subject,
};

// The rejection's name as it stands above, for logs and metrics.
std::string_view to_string(TokenRejection rejection);

using TokenVerdict = std::variant<VerifiedToken, TokenRejection>;

// Verifies JSON Web Tokens. The algorithm belongs to the key and is never taken from the token, so
// a token can neither switch the check off (`none`) nor turn a public key into a shared secret. May
// be used from any thread. Today its key set holds one HS256 key; RS256, ES256 and keys by `kid`
// are further entries in the same set.
class TokenVerifier {
 public:
  // The file holds the secret's raw bytes; one newline at its end is not part of it. The status is
  // a sentence and never shows the secret.
  static absl::StatusOr<TokenVerifier> from_hs256_key_file(const std::string& path);
  static absl::StatusOr<TokenVerifier> from_hs256_key(std::string_view secret);

  TokenVerifier(TokenVerifier&&) noexcept;
  TokenVerifier& operator=(TokenVerifier&&) noexcept;
  ~TokenVerifier();

  // `exp` and `nbf` are honoured within clock_skew_seconds; a token without `exp` does not expire.
  TokenVerdict verify(std::string_view token, std::int64_t now_unix_seconds) const;

 private:
  struct KeySet;
  explicit TokenVerifier(std::unique_ptr<const KeySet> keys);

  std::unique_ptr<const KeySet> keys_;
};

}  // namespace interlock
