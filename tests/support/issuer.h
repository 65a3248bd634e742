// Somebody who signs tokens and publishes the keys for them, in a test.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace interlock {

class Issuer {
 public:
  // A fresh key for "RS256" or "ES256".
  Issuer(std::string kid, std::string algorithm, std::size_t rsa_bits = 2048);
  ~Issuer();
  Issuer(Issuer&&) noexcept;

  // A token with these claims, a JSON object. Other names in the header than the key's own: as
  // somebody would write it who wants to deceive.
  std::string sign(const std::string& claims) const;
  std::string sign_as(const std::string& kid, const std::string& claims) const;
  // The public key as a JSON object; `more` is put into it as it is.
  std::string public_key(const std::string& more = "") const;
  const std::string& kid() const { return kid_; }

  static std::string key_set(const std::vector<std::string>& keys);

 private:
  struct Key;
  std::string kid_;
  std::string algorithm_;
  std::unique_ptr<Key> key_;
};

// A token that is signed with a shared secret, its header as given.
std::string sign_with_secret(const std::string& secret, const std::string& kid,
                             const std::string& claims);

}  // namespace interlock
