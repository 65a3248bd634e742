// Tokens that an issuer has signed, each verified once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "common/token.h"
#include "coordinator/service/caller.h"

namespace interlock {

inline constexpr std::size_t verified_tokens_max = 4096;  // kept; one more drops another one

// Callers send the same token with each call for an hour. A verdict is kept by the token's digest
// until the token expires or the issuer's keys change. May be used from any thread.
class VerifiedTokens {
 public:
  VerifiedTokens(TokenVerifier verifier, PrincipalRoles principals,
                 std::size_t kept_max = verified_tokens_max);

  // A caller without roles is one whom the roles file does not name.
  using Verdict = std::variant<std::shared_ptr<const Caller>, TokenRejection>;
  Verdict look_at(std::string_view token, std::int64_t now_unix_seconds);

  const TokenExpectations& expectations() const { return verifier_.expectations(); }
  std::uint64_t verified() const;  // how many were not known already

 private:
  struct Kept {
    std::shared_ptr<const Caller> caller;
    std::int64_t until = 0;  // unix seconds
  };
  std::shared_ptr<const Caller> caller_of(const VerifiedToken& token) const;
  void keep(std::string digest, Kept kept);

  const TokenVerifier verifier_;
  const PrincipalRoles principals_;
  const std::size_t kept_max_;

  mutable std::mutex mutex_;  // of what stands below
  std::shared_ptr<const KeySet> keys_;  // that all that is kept was verified with
  std::unordered_map<std::string, Kept> kept_;
  std::uint64_t verified_ = 0;
};

}  // namespace interlock
