#include "common/token.h"

#include <cjose/base64.h>
#include <cjose/header.h>
#include <cjose/jwk.h>
#include <cjose/jws.h>
#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "absl/status/status.h"
#include "common/small_file.h"

namespace interlock {
namespace {

namespace json = boost::json;

struct ReleaseJose {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  void operator()(cjose_jws_t* signature) const { cjose_jws_release(signature); }
};
using JoseKey = std::unique_ptr<cjose_jwk_t, ReleaseJose>;
using JoseSignature = std::unique_ptr<cjose_jws_t, ReleaseJose>;

struct Key {
  std::string kid;        // empty: serves tokens whatever `kid` they name
  std::string algorithm;  // the only `alg` that this key verifies
  JoseKey jose;
};

using Segments = std::array<std::string_view, 3>;  // header, payload, signature

constexpr std::string_view base64url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Base64url as RFC 7515 has it: no padding, nothing else between, and the bits that the last
// character does not need are zero, so that one signature is written in one way only.
bool strict_base64url(std::string_view text) {
  if (text.empty() || text.size() % 4 == 1) return false;
  if (text.find_first_not_of(base64url_alphabet) != std::string_view::npos) return false;
  const std::size_t last = base64url_alphabet.find(text.back());
  if (text.size() % 4 == 2) return last % 16 == 0;
  return text.size() % 4 == 0 || last % 4 == 0;
}

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
  if (!strict_base64url(segment)) return std::nullopt;
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  cjose_err error{};
  if (!cjose_base64url_decode(segment.data(), segment.size(), &bytes, &size, &error)) {
    return std::nullopt;
  }
  const std::unique_ptr<std::uint8_t, decltype(&std::free)> owned(bytes, &std::free);
  boost::system::error_code failure;
  json::value value =
      json::parse(json::string_view(reinterpret_cast<const char*>(bytes), size), failure);
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

bool signed_with(const Key& key, std::string_view token) {
  cjose_err error{};
  const JoseSignature signature(cjose_jws_import(token.data(), token.size(), &error));
  if (!signature) return false;
  // cjose reads the header with another parser than ours: what it will act on must be the same.
  const char* algorithm =
      cjose_header_get(cjose_jws_get_protected(signature.get()), CJOSE_HDR_ALG, &error);
  if (algorithm == nullptr || key.algorithm != algorithm) return false;
  return cjose_jws_verify(signature.get(), key.jose.get(), &error);
}

TokenVerdict judge_claims(const json::object& claims, std::int64_t now) {
  std::int64_t expires_at = 0;
  std::int64_t not_before = 0;
  const Claim exp = read_time(claims, "exp", expires_at);
  const Claim nbf = read_time(claims, "nbf", not_before);
  const json::value* subject = claims.if_contains("sub");
  if (exp == Claim::wrong || nbf == Claim::wrong) return TokenRejection::malformed;
  if (subject != nullptr && !subject->is_string()) return TokenRejection::malformed;
  if (exp == Claim::present && now >= expires_at + clock_skew_seconds) {
    return TokenRejection::expired;
  }
  if (nbf == Claim::present && now + clock_skew_seconds < not_before) {
    return TokenRejection::not_yet_valid;
  }
  if (subject == nullptr || subject->get_string().empty()) return TokenRejection::no_subject;
  VerifiedToken verified{std::string(subject->get_string()), std::nullopt};
  if (exp == Claim::present) verified.expires_at = expires_at;
  return verified;
}

}  // namespace

struct TokenVerifier::KeySet {
  std::vector<Key> keys;

  // The key that a token naming `kid` must be signed with; nullptr if there is none.
  const Key* find(std::string_view kid) const {
    for (const Key& key : keys) {
      if (key.kid.empty() || key.kid == kid) return &key;
    }
    return nullptr;
  }
};

std::string_view to_string(TokenRejection rejection) {
  switch (rejection) {
    case TokenRejection::malformed:
      return "malformed";
    case TokenRejection::unsupported_algorithm:
      return "unsupported_algorithm";
    case TokenRejection::bad_signature:
      return "bad_signature";
    case TokenRejection::expired:
      return "expired";
    case TokenRejection::not_yet_valid:
      return "not_yet_valid";
    case TokenRejection::no_subject:
      return "no_subject";
  }
  std::abort();
}

TokenVerifier::TokenVerifier(std::unique_ptr<const KeySet> keys) : keys_(std::move(keys)) {}
TokenVerifier::TokenVerifier(TokenVerifier&&) noexcept = default;
TokenVerifier& TokenVerifier::operator=(TokenVerifier&&) noexcept = default;
TokenVerifier::~TokenVerifier() = default;

absl::StatusOr<TokenVerifier> TokenVerifier::from_hs256_key_file(const std::string& path) {
  absl::StatusOr<std::string> secret = read_small_file(path, token_key_file_bytes_max);
  if (!secret.ok()) return secret.status();
  if (secret->ends_with('\n')) secret->resize(secret->size() - (secret->ends_with("\r\n") ? 2 : 1));
  absl::StatusOr<TokenVerifier> verifier = from_hs256_key(*secret);
  if (verifier.ok()) return verifier;
  return absl::Status(verifier.status().code(),
                      fmt::format("The token key file \"{}\" cannot be used: {}", path,
                                  std::string(verifier.status().message())));
}

absl::StatusOr<TokenVerifier> TokenVerifier::from_hs256_key(std::string_view secret) {
  if (secret.size() < hs256_key_bytes_min) {
    return absl::InvalidArgumentError(
        fmt::format("An HS256 key has at least {} bytes; this one has {}.", hs256_key_bytes_min,
                    secret.size()));
  }
  cjose_err error{};
  JoseKey key(cjose_jwk_create_oct_spec(reinterpret_cast<const std::uint8_t*>(secret.data()),
                                        secret.size(), &error));
  if (!key) return absl::InternalError(fmt::format("libcjose refused the key: {}.", error.message));
  auto keys = std::make_unique<KeySet>();
  keys->keys.push_back(Key{"", CJOSE_HDR_ALG_HS256, std::move(key)});
  return TokenVerifier(std::move(keys));
}

TokenVerdict TokenVerifier::verify(std::string_view token, std::int64_t now_unix_seconds) const {
  const std::optional<Segments> segments = split_token(token);
  if (!segments) return TokenRejection::malformed;
  const auto [header_text, payload_text, signature_text] = *segments;
  const std::optional<json::object> header = decode_object(header_text);
  if (!header) return TokenRejection::malformed;
  const Key* key = keys_->find(text_member(*header, "kid"));
  if (key == nullptr) return TokenRejection::bad_signature;
  if (text_member(*header, "alg") != key->algorithm || header->contains("crit")) {
    return TokenRejection::unsupported_algorithm;
  }
  if (!strict_base64url(payload_text) || !strict_base64url(signature_text)) {
    return TokenRejection::malformed;
  }
  if (!signed_with(*key, token)) return TokenRejection::bad_signature;
  const std::optional<json::object> claims = decode_object(payload_text);
  if (!claims) return TokenRejection::malformed;
  return judge_claims(*claims, now_unix_seconds);
}

}  // namespace interlock
