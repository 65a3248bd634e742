#include "coordinator/service/caller.h"

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "common/small_file.h"

namespace interlock {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1024} * 1024;
constexpr std::size_t kTokenBytesMin = 16;

constexpr std::string_view kTokenFileShape =
    "{\"token\", \"role\": \"gateway|publisher|reader|operator\", \"subject\"}";
constexpr std::string_view kRolesFileShape =
    "{\"email\" or \"subject\" or \"certificate\", \"role\": "
    "\"gateway|publisher|reader|operator\"}";

struct File {
  std::string_view what;
  std::string path;
  std::string_view shape;
};

std::optional<v1::Role> role_named(std::string_view name) {
  if (name == "gateway") return v1::GATEWAY;
  if (name == "publisher") return v1::PUBLISHER;
  if (name == "reader") return v1::READER;
  if (name == "operator") return v1::OPERATOR;
  return std::nullopt;
}

absl::Status wrong(const File& file, const std::string& what) {
  return absl::InvalidArgumentError("the " + std::string(file.what) + " " + file.path + " " + what +
                                    "; it must be an array of " + std::string(file.shape));
}

std::string text_of(const boost::json::object& entry, std::string_view name) {
  const boost::json::value* value = entry.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

absl::StatusOr<boost::json::array> entries_of(const File& file) {
  const absl::StatusOr<std::string> text = read_small_file(file.path, kFileBytesMax);
  if (!text.ok()) return text.status();
  boost::json::error_code error;
  boost::json::value parsed = boost::json::parse(*text, error);
  if (error || !parsed.is_array()) return wrong(file, "is not a JSON array");
  for (const boost::json::value& entry : parsed.get_array()) {
    if (!entry.is_object()) return wrong(file, "has an entry that is not an object");
  }
  if (parsed.get_array().empty()) return wrong(file, "is empty, so nobody could call");
  return std::move(parsed.get_array());
}

absl::StatusOr<std::vector<v1::Role>> roles_from(const boost::json::object& entry,
                                                 const File& file) {
  const boost::json::value* role = entry.if_contains("role");
  if (role == nullptr) return wrong(file, "has an entry without a role");
  boost::json::array names;
  if (role->is_array()) names = role->get_array();
  if (role->is_string()) names.push_back(*role);
  std::vector<v1::Role> roles;
  for (const boost::json::value& name : names) {
    const auto known = name.is_string()
                           ? role_named({name.get_string().data(), name.get_string().size()})
                           : std::nullopt;
    if (!known) return wrong(file, "names a role that does not exist");
    roles.push_back(*known);
  }
  if (roles.empty()) return wrong(file, "has an entry without a role");
  return roles;
}

std::string common_name(X509* certificate) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0) return {};
  unsigned char* text = nullptr;
  const int length =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (length < 0) return {};
  std::string common(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
  OPENSSL_free(text);
  return common;
}

std::vector<std::string> uris_of(X509* certificate) {
  std::vector<std::string> uris;
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                      static_cast<std::size_t>(ASN1_STRING_length(uri)));
  }
  return uris;
}

}  // namespace

std::string token_digest(std::string_view token) {
  std::string bytes(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(),
         reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

absl::StatusOr<TokenCallers> read_token_file(const std::string& path) {
  const File file{"token file", path, kTokenFileShape};
  const auto entries = entries_of(file);
  if (!entries.ok()) return entries.status();
  TokenCallers callers;
  for (const boost::json::value& entry : *entries) {
    const std::string token = text_of(entry.get_object(), "token");
    if (token.size() < kTokenBytesMin) {
      return wrong(file, "has an entry without a token of at least 16 bytes");
    }
    auto roles = roles_from(entry.get_object(), file);
    if (!roles.ok()) return roles.status();
    Caller caller{text_of(entry.get_object(), "subject"), *std::move(roles)};
    if (caller.subject.empty()) caller.subject = "a token without a subject";
    if (!callers.emplace(token_digest(token), std::move(caller)).second) {
      return wrong(file, "has the same token twice");
    }
  }
  return callers;
}

absl::StatusOr<PrincipalRoles> read_roles_file(const std::string& path) {
  const File file{"roles file", path, kRolesFileShape};
  const auto entries = entries_of(file);
  if (!entries.ok()) return entries.status();
  PrincipalRoles principals;
  const std::pair<std::string_view, std::map<std::string, std::vector<v1::Role>>*> kinds[] = {
      {"email", &principals.emails},
      {"subject", &principals.subjects},
      {"certificate", &principals.certificates}};
  for (const boost::json::value& entry : *entries) {
    auto roles = roles_from(entry.get_object(), file);
    if (!roles.ok()) return roles.status();
    int named = 0;
    for (const auto& [kind, map] : kinds) {
      const std::string name = text_of(entry.get_object(), kind);
      if (name.empty()) continue;
      ++named;
      if (!map->emplace(name, *roles).second) return wrong(file, "names somebody twice");
    }
    if (named != 1) return wrong(file, "has an entry that does not name exactly one principal");
  }
  return principals;
}

std::string certificate_principal(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), X509_free);
  if (!certificate) return {};
  const std::vector<std::string> uris = uris_of(certificate.get());
  if (uris.size() > 1) return {};  // which of them it is about, nobody could say
  return uris.empty() ? common_name(certificate.get()) : uris.front();
}

}  // namespace interlock
