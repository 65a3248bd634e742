// Whom a gateway believes, and how it proves itself: keys, certificates and lists that change under
// it while it serves.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/file_watch.h"
#include "common/http_server.h"
#include "common/jwks.h"
#include "gateway/config.h"
#include "gateway/metadata_identity.h"
#include "gateway/own_token.h"
#include "gateway/revoked_subjects.h"
#include "gateway/tls_identity.h"

namespace interlock {

class Trust {
 public:
  // The files are read; the status is a sentence. The Metrics must outlive it.
  static absl::StatusOr<std::unique_ptr<Trust>> make(const GatewayConfig& config, Metrics& metrics);

  const TokenVerifier* verifier() const { return verifier_ ? &*verifier_ : nullptr; }
  // None: there is no list.
  std::function<bool(std::string_view subject)> is_revoked() const;
  // What the listener shows to clients; none: it is plain.
  const TlsIdentity* tls() const { return tls_.get(); }
  // This gateway's ID token; none: it has none.
  MetadataIdentity* own() { return own_ ? &*own_ : nullptr; }
  // The token that the coordinator knows; none: it has none.
  const OwnToken* own_token() const { return own_token_.get(); }

  // From now on changed files are read again; `list_changed` is called on a thread of its own when
  // others are revoked, until stop().
  void watch(std::function<void()> list_changed);
  void stop();

  // Not ready until it could prove once what it is. Later it answers its clients itself while
  // somebody else is away.
  Readiness readiness() const;
  // Before metrics are shown.
  void show();

 private:
  explicit Trust(Metrics& metrics) : metrics_(metrics), files_(std::in_place, metrics) {}
  absl::Status read(const GatewayConfig& config);

  Metrics& metrics_;
  std::shared_ptr<Jwks> jwks_;  // none: the keys of clients' tokens do not change
  std::optional<TokenVerifier> verifier_;
  std::unique_ptr<RevokedSubjects> revoked_;
  std::unique_ptr<TlsIdentity> tls_;
  std::optional<MetadataIdentity> own_;
  std::unique_ptr<OwnToken> own_token_;
  std::function<void()> list_changed_;
  std::optional<FileWatch> files_;  // until stop()
};

}  // namespace interlock
