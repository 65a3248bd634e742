#include "coordinator/service/verified_tokens.h"

#include <utility>

namespace interlock {

VerifiedTokens::VerifiedTokens(TokenVerifier verifier, PrincipalRoles principals,
                               std::size_t kept_max)
    : verifier_(std::move(verifier)), principals_(std::move(principals)), kept_max_(kept_max) {}

VerifiedTokens::Verdict VerifiedTokens::look_at(std::string_view token,
                                                std::int64_t now_unix_seconds) {
  if (token.size() > token_bytes_max) return TokenRejection::malformed;
  std::string digest = token_digest(token);
  const std::shared_ptr<const KeySet> keys = verifier_.keys();
  {
    const std::lock_guard lock(mutex_);
    if (keys != keys_) kept_.clear();
    keys_ = keys;
    const auto known = kept_.find(digest);
    if (known != kept_.end() && now_unix_seconds < known->second.until) {
      return known->second.caller;
    }
  }
  TokenVerdict verdict = verifier_.verify(token, now_unix_seconds);
  if (const auto* rejection = std::get_if<TokenRejection>(&verdict)) return *rejection;
  const auto& verified = std::get<VerifiedToken>(verdict);
  std::shared_ptr<const Caller> caller = caller_of(verified);
  const std::lock_guard lock(mutex_);
  ++verified_;
  // Keys that have changed meanwhile may be others than it was verified with.
  if (verified.expires_at && keys == keys_ && verifier_.keys() == keys) {
    keep(std::move(digest), {caller, *verified.expires_at + clock_skew_seconds});
  }
  return caller;
}

void VerifiedTokens::keep(std::string digest, Kept kept) {
  kept_.erase(digest);
  // Digests stand in no order, so that whoever goes is as good as chosen by lot.
  while (kept_.size() >= kept_max_) kept_.erase(kept_.begin());
  kept_.emplace(std::move(digest), std::move(kept));
}

std::shared_ptr<const Caller> VerifiedTokens::caller_of(const VerifiedToken& token) const {
  Caller caller{token.email.empty() ? token.subject : token.email, {}};
  const auto by_email = principals_.emails.find(token.email);
  const auto by_subject = principals_.subjects.find(token.subject);
  if (!token.email.empty() && by_email != principals_.emails.end()) {
    caller.roles = by_email->second;
  } else if (by_subject != principals_.subjects.end()) {
    caller.roles = by_subject->second;
  }
  return std::make_shared<const Caller>(std::move(caller));
}

std::uint64_t VerifiedTokens::verified() const {
  const std::lock_guard lock(mutex_);
  return verified_;
}

}  // namespace interlock
