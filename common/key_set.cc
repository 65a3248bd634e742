#include "common/key_set.h"

#include <cjose/base64.h>
#include <cjose/header.h>
#include <cjose/jwk.h>
#include <cjose/jws.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/status/status.h"

namespace interlock {
namespace {

namespace json = boost::json;

struct ReleaseJose {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  void operator()(cjose_jws_t* signature) const { cjose_jws_release(signature); }
};
using JoseKey = std::unique_ptr<cjose_jwk_t, ReleaseJose>;
using JoseSignature = std::unique_ptr<cjose_jws_t, ReleaseJose>;

constexpr std::string_view base64url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kid_bytes_max = 256;

std::string_view text_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return value->get_string();
}

absl::Status wrong(const std::string& what) {
  return absl::InvalidArgumentError("The key set " + what + ".");
}

// With 1 as its exponent every text would be a valid signature of itself.
bool sound_exponent(std::string_view text) {
  std::string bytes;
  if (!decode_base64url(text, bytes) || bytes.size() > 8) return false;
  std::uint64_t exponent = 0;
  for (const char byte : bytes) exponent = exponent << 8 | static_cast<std::uint8_t>(byte);
  return exponent >= 3 && exponent % 2 == 1;
}

// Of the key only what is public: what else stands there is nobody's business here.
json::object public_part(const json::object& key) {
  json::object part;
  for (const std::string_view name : {"kty", "crv", "n", "e", "x", "y"}) {
    if (const json::value* value = key.if_contains(name)) part[name] = *value;
  }
  return part;
}

bool for_signatures(const json::object& key) {
  if (key.contains("use") && text_member(key, "use") != "sig") return false;
  const json::value* operations = key.if_contains("key_ops");
  if (operations == nullptr) return true;
  return operations->is_array() &&
         std::ranges::any_of(operations->get_array(), [](const json::value& operation) {
           return operation.is_string() && operation.get_string() == "verify";
         });
}

// The one algorithm that a key of this kind is for; empty: none that is spoken here.
std::string_view algorithm_of(const json::object& key) {
  std::string_view algorithm;
  const std::string_view type = text_member(key, "kty");
  if (type == "RSA") algorithm = CJOSE_HDR_ALG_RS256;
  if (type == "EC" && text_member(key, "crv") == "P-256") algorithm = CJOSE_HDR_ALG_ES256;
  if (key.contains("alg") && text_member(key, "alg") != algorithm) return {};
  return algorithm;
}

// None: it cannot be used.
JoseKey import_key(const json::object& key, std::string_view algorithm) {
  const bool rsa = algorithm == CJOSE_HDR_ALG_RS256;
  if (rsa && !sound_exponent(text_member(key, "e"))) return nullptr;
  for (const std::string_view part : {"x", "y", "n"}) {
    if (key.contains(part) && !is_base64url(text_member(key, part))) return nullptr;
  }
  const std::string text = json::serialize(public_part(key));
  cjose_err error{};
  JoseKey jose(cjose_jwk_import(text.data(), text.size(), &error));
  if (!jose || !rsa) return jose;
  const std::size_t bits = cjose_jwk_get_keysize(jose.get(), &error);
  if (bits < rsa_key_bits_min || bits > rsa_key_bits_max) return nullptr;
  return jose;
}

bool signed_with(cjose_jwk_t* key, std::string_view token, std::string_view algorithm) {
  cjose_err error{};
  const JoseSignature signature(cjose_jws_import(token.data(), token.size(), &error));
  if (!signature) return false;
  // cjose reads the header with another parser than ours: what it will act on must be the same.
  const char* read =
      cjose_header_get(cjose_jws_get_protected(signature.get()), CJOSE_HDR_ALG, &error);
  if (read == nullptr || algorithm != read) return false;
  return cjose_jws_verify(signature.get(), key, &error);
}

}  // namespace

struct KeySet::Key {
  std::string kid;        // empty: serves tokens whatever `kid` they name
  std::string algorithm;  // the only `alg` that this key verifies
  JoseKey jose;
};

KeySet::KeySet() = default;
KeySet::KeySet(KeySet&&) noexcept = default;
KeySet& KeySet::operator=(KeySet&&) noexcept = default;
KeySet::~KeySet() = default;

std::size_t KeySet::size() const { return keys_.size(); }

absl::StatusOr<KeySet> KeySet::from_hs256_key(std::string_view secret) {
  if (secret.size() < hs256_key_bytes_min) {
    return absl::InvalidArgumentError(
        fmt::format("An HS256 key has at least {} bytes; this one has {}.", hs256_key_bytes_min,
                    secret.size()));
  }
  cjose_err error{};
  JoseKey key(cjose_jwk_create_oct_spec(reinterpret_cast<const std::uint8_t*>(secret.data()),
                                        secret.size(), &error));
  if (!key) return absl::InternalError(fmt::format("libcjose refused the key: {}.", error.message));
  KeySet set;
  set.keys_.push_back(Key{"", CJOSE_HDR_ALG_HS256, std::move(key)});
  return set;
}

absl::StatusOr<KeySet> KeySet::from_jwks(std::string_view text) {
  if (text.size() > key_set_bytes_max) {
    return wrong(fmt::format("is longer than {} bytes", key_set_bytes_max));
  }
  boost::system::error_code failure;
  const json::value parsed = json::parse(json::string_view(text.data(), text.size()), failure);
  const json::value* keys =
      failure || !parsed.is_object() ? nullptr : parsed.get_object().if_contains("keys");
  if (keys == nullptr || !keys->is_array()) return wrong("is not a JSON object with `keys`");
  if (keys->get_array().size() > key_set_keys_max) {
    return wrong(fmt::format("has more than {} keys", key_set_keys_max));
  }
  KeySet set;
  for (const json::value& each : keys->get_array()) {
    if (!each.is_object()) return wrong("has a key that is not an object");
    const json::object& key = each.get_object();
    const std::string_view algorithm = algorithm_of(key);
    const std::string_view kid = text_member(key, "kid");
    if (kid.empty() || kid.size() > kid_bytes_max) continue;
    if (algorithm.empty() || !for_signatures(key)) continue;
    JoseKey jose = import_key(key, algorithm);
    if (!jose) continue;
    if (std::ranges::any_of(set.keys_, [&](const Key& other) {
          return other.kid == kid && other.algorithm == algorithm;
        })) {
      return wrong("has two keys of one name");
    }
    set.keys_.push_back(Key{std::string(kid), std::string(algorithm), std::move(jose)});
  }
  if (set.keys_.empty()) return wrong("has no key for RS256 or ES256 that can be used");
  return set;
}

SignatureVerdict KeySet::verify(std::string_view token, std::string_view kid,
                                std::string_view algorithm) const {
  SignatureVerdict verdict = SignatureVerdict::unknown_key;
  for (const Key& key : keys_) {
    if (!key.kid.empty() && key.kid != kid) continue;
    if (key.algorithm == algorithm) {
      return signed_with(key.jose.get(), token, algorithm) ? SignatureVerdict::good
                                                           : SignatureVerdict::bad_signature;
    }
    verdict = SignatureVerdict::unsupported_algorithm;
  }
  return verdict;
}

bool is_base64url(std::string_view text) {
  if (text.empty() || text.size() % 4 == 1) return false;
  if (text.find_first_not_of(base64url_alphabet) != std::string_view::npos) return false;
  const std::size_t last = base64url_alphabet.find(text.back());
  if (text.size() % 4 == 2) return last % 16 == 0;
  return text.size() % 4 == 0 || last % 4 == 0;
}

bool decode_base64url(std::string_view text, std::string& bytes) {
  if (!is_base64url(text)) return false;
  std::uint8_t* decoded = nullptr;
  std::size_t size = 0;
  cjose_err error{};
  if (!cjose_base64url_decode(text.data(), text.size(), &decoded, &size, &error)) return false;
  const std::unique_ptr<std::uint8_t, decltype(&std::free)> owned(decoded, &std::free);
  bytes.assign(reinterpret_cast<const char*>(decoded), size);
  return true;
}

}  // namespace interlock
