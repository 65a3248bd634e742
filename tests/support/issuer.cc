#include "tests/support/issuer.h"

#include <cjose/header.h>
#include <cjose/jwk.h>
#include <cjose/jws.h>

#include <cstdlib>
#include <utility>

namespace interlock {
namespace {

std::string signed_by(cjose_jwk_t* key, const std::string& kid, const std::string& algorithm,
                      const std::string& claims) {
  cjose_err error{};
  cjose_header_t* header = cjose_header_new(&error);
  cjose_header_set(header, CJOSE_HDR_ALG, algorithm.c_str(), &error);
  if (!kid.empty()) cjose_header_set(header, CJOSE_HDR_KID, kid.c_str(), &error);
  cjose_jws_t* jws = cjose_jws_sign(
      key, header, reinterpret_cast<const unsigned char*>(claims.data()), claims.size(), &error);
  const char* text = nullptr;
  if (jws == nullptr || !cjose_jws_export(jws, &text, &error)) std::abort();
  std::string token(text);
  cjose_jws_release(jws);
  cjose_header_release(header);
  return token;
}

}  // namespace

struct Issuer::Key {
  explicit Key(cjose_jwk_t* made) : jose(made) {
    if (jose == nullptr) std::abort();
  }
  ~Key() { cjose_jwk_release(jose); }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  cjose_jwk_t* jose;
};

Issuer::Issuer(std::string kid, std::string algorithm, std::size_t rsa_bits)
    : kid_(std::move(kid)), algorithm_(std::move(algorithm)) {
  cjose_err error{};
  constexpr unsigned char exponent[] = {1, 0, 1};
  key_ = std::make_unique<Key>(
      algorithm_ == "RS256"
          ? cjose_jwk_create_RSA_random(rsa_bits, exponent, sizeof exponent, &error)
          : cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error));
}

Issuer::~Issuer() = default;
Issuer::Issuer(Issuer&&) noexcept = default;

std::string Issuer::sign(const std::string& claims) const { return sign_as(kid_, claims); }

std::string Issuer::sign_as(const std::string& kid, const std::string& claims) const {
  return signed_by(key_->jose, kid, algorithm_, claims);
}

std::string Issuer::public_key(const std::string& more) const {
  cjose_err error{};
  char* text = cjose_jwk_to_json(key_->jose, false, &error);
  if (text == nullptr) std::abort();
  std::string key(text);
  std::free(text);
  key.pop_back();
  return key + ",\"kid\":\"" + kid_ + "\"" + more + "}";
}

std::string Issuer::key_set(const std::vector<std::string>& keys) {
  std::string set = "{\"keys\":[";
  for (const std::string& key : keys) set += (set.ends_with('[') ? "" : ",") + key;
  return set + "]}";
}

std::string sign_with_secret(const std::string& secret, const std::string& kid,
                             const std::string& claims) {
  cjose_err error{};
  cjose_jwk_t* key = cjose_jwk_create_oct_spec(
      reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), &error);
  std::string token = signed_by(key, kid, "HS256", claims);
  cjose_jwk_release(key);
  return token;
}

}  // namespace interlock
