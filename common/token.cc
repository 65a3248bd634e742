#include "common/token.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "common/small_file.h"

namespace interlock {
namespace {

namespace json = boost::json;

using Segments = std::array<std::string_view, 3>;  // header, payload, signature

class FixedKeys final : public KeySource {
 public:
  explicit FixedKeys(KeySet keys) : keys_(std::make_shared<const KeySet>(std::move(keys))) {}
  std::shared_ptr<const KeySet> keys() const override { return keys_; }

 private:
  std::shared_ptr<const KeySet> keys_;
};

std::optional<Segments> split_token(std::string_view token) {
  if (token.size() > token_bytes_max) return std::nullopt;
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  return Segments{token.substr(0, first), token.substr(first + 1, second - first - 1),
                  token.substr(second + 1)};
}

// The JSON object in a segment; nothing if it is anything else.
std::optional<json::object> decode_object(std::string_view segment) {
  std::string bytes;
  if (!decode_base64url(segment, bytes)) return std::nullopt;
  boost::system::error_code failure;
  json::value value = json::parse(bytes, failure);
  if (failure || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::string_view text_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return value->get_string();
}

enum class Claim { absent, present, wrong };

// A NumericDate (RFC 7519, section 2): a number of seconds, perhaps with a fraction, which is cut
// off. Bounded, so that adding the skew cannot overflow.
Claim read_time(const json::object& claims, std::string_view name, std::int64_t& seconds) {
  constexpr double seconds_max = 9e15;
  const json::value* value = claims.if_contains(name);
  if (value == nullptr) return Claim::absent;
  if (!value->is_number()) return Claim::wrong;
  const double number = value->to_number<double>();
  if (!std::isfinite(number) || std::abs(number) > seconds_max) return Claim::wrong;
  seconds = static_cast<std::int64_t>(std::floor(number));
  return Claim::present;
}

// RFC 7519, section 4.1.3: one name or an array of names.
Claim read_audiences(const json::object& claims, std::vector<std::string>& audiences) {
  const json::value* value = claims.if_contains("aud");
  if (value == nullptr) return Claim::absent;
  if (value->is_string()) {
    audiences.emplace_back(value->get_string());
    return Claim::present;
  }
  if (!value->is_array()) return Claim::wrong;
  for (const json::value& one : value->get_array()) {
    if (!one.is_string()) return Claim::wrong;
    audiences.emplace_back(one.get_string());
  }
  return Claim::present;
}

std::string verified_email(const json::object& claims) {
  const json::value* verified = claims.if_contains("email_verified");
  if (verified == nullptr || !verified->is_bool() || !verified->get_bool()) return {};
  return std::string(text_member(claims, "email"));
}

std::optional<TokenRejection> judge_times(const json::object& claims, std::int64_t now,
                                          bool expiry_required,
                                          std::optional<std::int64_t>& expiry) {
  std::int64_t expires_at = 0;
  std::int64_t not_before = 0;
  const Claim exp = read_time(claims, "exp", expires_at);
  const Claim nbf = read_time(claims, "nbf", not_before);
  if (exp == Claim::wrong || nbf == Claim::wrong) return TokenRejection::malformed;
  if (exp == Claim::present && now >= expires_at + clock_skew_seconds) {
    return TokenRejection::expired;
  }
  if (nbf == Claim::present && now + clock_skew_seconds < not_before) {
    return TokenRejection::not_yet_valid;
  }
  if (exp == Claim::absent && expiry_required) return TokenRejection::no_expiry;
  if (exp == Claim::present) expiry = expires_at;
  return std::nullopt;
}

std::optional<TokenRejection> judge_parties(const json::object& claims,
                                            const TokenExpectations& expected) {
  std::vector<std::string> audiences;
  if (read_audiences(claims, audiences) == Claim::wrong) return TokenRejection::malformed;
  if (!expected.issuer.empty() && text_member(claims, "iss") != expected.issuer) {
    return TokenRejection::wrong_issuer;
  }
  const bool meant =
      expected.audiences.empty() ||
      std::ranges::find_first_of(audiences, expected.audiences) != audiences.end();
  if (!meant) return TokenRejection::wrong_audience;
  return std::nullopt;
}

TokenVerdict judge_claims(const json::object& claims, std::int64_t now,
                          const TokenExpectations& expected) {
  const json::value* subject = claims.if_contains("sub");
  if (subject != nullptr && !subject->is_string()) return TokenRejection::malformed;
  VerifiedToken verified;
  if (const auto wrong = judge_times(claims, now, expected.expiry_required, verified.expires_at)) {
    return *wrong;
  }
  if (const auto wrong = judge_parties(claims, expected)) return *wrong;
  if (subject == nullptr || subject->get_string().empty()) return TokenRejection::no_subject;
  verified.subject = subject->get_string();
  verified.email = verified_email(claims);
  return verified;
}

}  // namespace

std::string_view to_string(TokenRejection rejection) {
  switch (rejection) {
    case TokenRejection::malformed:
      return "malformed";
    case TokenRejection::unsupported_algorithm:
      return "unsupported_algorithm";
    case TokenRejection::unknown_key:
      return "unknown_key";
    case TokenRejection::key_not_yet_known:
      return "key_not_yet_known";
    case TokenRejection::no_keys:
      return "no_keys";
    case TokenRejection::bad_signature:
      return "bad_signature";
    case TokenRejection::expired:
      return "expired";
    case TokenRejection::not_yet_valid:
      return "not_yet_valid";
    case TokenRejection::no_expiry:
      return "no_expiry";
    case TokenRejection::wrong_issuer:
      return "wrong_issuer";
    case TokenRejection::wrong_audience:
      return "wrong_audience";
    case TokenRejection::no_subject:
      return "no_subject";
  }
  std::abort();
}

bool is_for_now(TokenRejection rejection) {
  return rejection == TokenRejection::key_not_yet_known || rejection == TokenRejection::no_keys;
}

TokenVerifier::TokenVerifier(std::shared_ptr<KeySource> keys, TokenExpectations expectations)
    : keys_(std::move(keys)), expectations_(std::move(expectations)) {}

TokenVerifier::TokenVerifier(KeySet keys, TokenExpectations expectations)
    : TokenVerifier(std::make_shared<FixedKeys>(std::move(keys)), std::move(expectations)) {}

absl::StatusOr<TokenVerifier> TokenVerifier::from_hs256_key_file(const std::string& path,
                                                                 TokenExpectations expectations) {
  absl::StatusOr<std::string> secret = read_small_file(path, token_key_file_bytes_max);
  if (!secret.ok()) return secret.status();
  if (secret->ends_with('\n')) secret->resize(secret->size() - (secret->ends_with("\r\n") ? 2 : 1));
  absl::StatusOr<TokenVerifier> verifier = from_hs256_key(*secret, std::move(expectations));
  if (verifier.ok()) return verifier;
  return absl::Status(verifier.status().code(),
                      fmt::format("The token key file \"{}\" cannot be used: {}", path,
                                  std::string(verifier.status().message())));
}

absl::StatusOr<TokenVerifier> TokenVerifier::from_hs256_key(std::string_view secret,
                                                            TokenExpectations expectations) {
  absl::StatusOr<KeySet> keys = KeySet::from_hs256_key(secret);
  if (!keys.ok()) return keys.status();
  return TokenVerifier(*std::move(keys), std::move(expectations));
}

TokenVerdict TokenVerifier::verify(std::string_view token, std::int64_t now_unix_seconds) const {
  const std::optional<Segments> segments = split_token(token);
  if (!segments) return TokenRejection::malformed;
  const auto [header_text, payload_text, signature_text] = *segments;
  const std::optional<json::object> header = decode_object(header_text);
  if (!header) return TokenRejection::malformed;
  if (header->contains("crit")) return TokenRejection::unsupported_algorithm;
  const std::shared_ptr<const KeySet> keys = keys_->keys();
  if (keys == nullptr) return TokenRejection::no_keys;
  const bool well_formed = is_base64url(payload_text) && is_base64url(signature_text);
  switch (keys->verify(well_formed ? token : std::string_view(), text_member(*header, "kid"),
                       text_member(*header, "alg"))) {
    case SignatureVerdict::unknown_key:
      return keys_->ask_for_unknown_key() ? TokenRejection::key_not_yet_known
                                          : TokenRejection::unknown_key;
    case SignatureVerdict::unsupported_algorithm:
      return TokenRejection::unsupported_algorithm;
    case SignatureVerdict::bad_signature:
      return well_formed ? TokenRejection::bad_signature : TokenRejection::malformed;
    case SignatureVerdict::good:
      break;
  }
  const std::optional<json::object> claims = decode_object(payload_text);
  if (!claims) return TokenRejection::malformed;
  return judge_claims(*claims, now_unix_seconds, expectations_);
}

std::optional<TokenClaims> unverified_claims(std::string_view token) {
  const std::optional<Segments> segments = split_token(token);
  if (!segments || !is_base64url((*segments)[2])) return std::nullopt;
  const std::optional<json::object> claims = decode_object((*segments)[1]);
  TokenClaims read;
  if (!claims || read_time(*claims, "exp", read.expires_at) != Claim::present) return std::nullopt;
  if (read_audiences(*claims, read.audiences) == Claim::wrong) return std::nullopt;
  return read;
}

}  // namespace interlock
