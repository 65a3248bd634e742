// Who is calling, proved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "common/key_set.h"

namespace interlock {

inline constexpr std::size_t token_bytes_max = 8192;
inline constexpr std::size_t token_key_file_bytes_max = 4096;

// By how much the issuer's clock may differ from ours.
inline constexpr std::int64_t clock_skew_seconds = 30;

struct VerifiedToken {
  std::string subject;                     // `sub`, never empty
  std::optional<std::int64_t> expires_at;  // `exp` in unix seconds, when the token has one
  std::string email = {};                  // `email`, if the issuer says that it has verified it

  friend bool operator==(const VerifiedToken&, const VerifiedToken&) = default;
};

enum class TokenRejection {
  malformed,              // not a compact JWT, too long, or a claim has the wrong type
  unsupported_algorithm,  // not the key's own algorithm, or the header demands an extension
                          // (`crit`)
  unknown_key,            // the issuer has no key of that name
  key_not_yet_known,      // it may have one: the keys are being fetched again
  no_keys,                // the issuer's keys could not be had
  bad_signature,
  expired,
  not_yet_valid,
  no_expiry,              // although one is asked for
  wrong_issuer,
  wrong_audience,
  no_subject,
};

// The rejection's name as it stands above, for logs and metrics.
std::string_view to_string(TokenRejection rejection);
// Nothing is wrong with the token as far as anybody can tell now: later it may be accepted.
bool is_for_now(TokenRejection rejection);

using TokenVerdict = std::variant<VerifiedToken, TokenRejection>;

// What a token must say besides being signed.
struct TokenExpectations {
  std::string issuer;                  // `iss`; empty: any
  std::vector<std::string> audiences;  // `aud` has one of them; empty: any
  bool expiry_required = false;
};

// Where keys come from. May be used from any thread.
class KeySource {
 public:
  virtual ~KeySource() = default;
  // As they are now; nullptr: none can be had.
  virtual std::shared_ptr<const KeySet> keys() const = 0;
  // A token names a key that is not there. True: it may come, so the token is not to be refused for
  // good.
  virtual bool ask_for_unknown_key() { return false; }
};

// Verifies JSON Web Tokens. May be used from any thread.
class TokenVerifier {
 public:
  // The file holds the secret's raw bytes; one newline at its end is not part of it. The status is
  // a sentence and never shows the secret.
  static absl::StatusOr<TokenVerifier> from_hs256_key_file(const std::string& path,
                                                           TokenExpectations expectations = {});
  static absl::StatusOr<TokenVerifier> from_hs256_key(std::string_view secret,
                                                      TokenExpectations expectations = {});
  explicit TokenVerifier(std::shared_ptr<KeySource> keys, TokenExpectations expectations = {});
  explicit TokenVerifier(KeySet keys, TokenExpectations expectations = {});

  // `exp` and `nbf` are honoured within clock_skew_seconds; a token without `exp` does not expire,
  // unless one is asked for.
  TokenVerdict verify(std::string_view token, std::int64_t now_unix_seconds) const;
  const TokenExpectations& expectations() const { return expectations_; }
  // What it verifies with now; nullptr: with nothing. As long as it is the same, so are verdicts,
  // but for the time.
  std::shared_ptr<const KeySet> keys() const { return keys_->keys(); }

 private:
  std::shared_ptr<KeySource> keys_;
  TokenExpectations expectations_;
};

// What a token says of itself to somebody who cannot verify it and only passes it on.
struct TokenClaims {
  std::int64_t expires_at = 0;  // unix seconds
  std::vector<std::string> audiences;
};
// None: it is not a token, or has no end.
std::optional<TokenClaims> unverified_claims(std::string_view token);

}  // namespace interlock
