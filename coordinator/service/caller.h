// Who calls the coordinator, and the files that say what they may.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "interlock/v1/options.pb.h"

namespace interlock {

struct Caller {
  std::string subject;
  std::vector<v1::Role> roles;
};

// SHA-256. Tokens are looked up by their digest, so that the time of a look-up tells nothing about
// them, and none of them is kept.
std::string token_digest(std::string_view token);

// By the digest of their token.
using TokenCallers = std::map<std::string, Caller>;

// JSON: an array of {"token": "...", "role": "gateway|publisher|reader|operator", "subject":
// "..."}; `role` may be an array. INVALID_ARGUMENT with a sentence when it is anything else.
absl::StatusOr<TokenCallers> read_token_file(const std::string& path);

// Roles of those who prove who they are by other means. The kinds are kept apart, since one issuer
// decides about `sub`, perhaps somebody else about addresses, and an own authority about
// certificates.
struct PrincipalRoles {
  std::map<std::string, std::vector<v1::Role>> emails;
  std::map<std::string, std::vector<v1::Role>> subjects;
  std::map<std::string, std::vector<v1::Role>> certificates;
};

// JSON: an array of {"email" | "subject" | "certificate": "...", "role": ...}, as above.
absl::StatusOr<PrincipalRoles> read_roles_file(const std::string& path);

// Whom a client certificate (PEM) names: the one URI among its subject's alternative names, or
// else, where it has no URI, its common name; empty: nobody.
std::string certificate_principal(const std::string& pem);

}  // namespace interlock
