#include "gateway/trust.h"

#include <string>
#include <utility>

namespace interlock {

absl::StatusOr<std::unique_ptr<Trust>> Trust::make(const GatewayConfig& config, Metrics& metrics) {
  std::unique_ptr<Trust> trust(new Trust(metrics));
  if (absl::Status status = trust->read(config); !status.ok()) return status;
  return trust;
}

absl::Status Trust::read(const GatewayConfig& config) {
  verifier_ = config.verifier;
  if (!config.auth_jwks.empty()) {
    auto jwks = Jwks::open(config.auth_jwks, metrics_);
    if (!jwks.ok()) return jwks.status();
    jwks_ = *std::move(jwks);
    verifier_.emplace(jwks_, config.expectations);
  }
  if (!config.revoked_subjects_file.empty()) {
    revoked_ = std::make_unique<RevokedSubjects>();
    const auto reread = [this, path = config.revoked_subjects_file] {
      absl::Status status = revoked_->read(path);
      if (status.ok() && list_changed_) list_changed_();
      return status;
    };
    const std::string& path = config.revoked_subjects_file;
    if (auto status = files_->add("revoked_subjects", {path}, reread); !status.ok()) return status;
  }
  if (!config.tls_cert_file.empty()) {
    tls_ = std::make_unique<TlsIdentity>();
    const auto reread = [this, cert = config.tls_cert_file, key = config.tls_key_file] {
      return tls_->read(cert, key);
    };
    auto status = files_->add("tls", {config.tls_cert_file, config.tls_key_file}, reread);
    if (!status.ok()) return status;
  }
  if (const std::string& path = config.coordinator_token_file; !path.empty()) {
    own_token_ = std::make_unique<OwnToken>();
    const auto reread = [own = own_token_.get(), path] {
      auto token = read_token(path);
      if (token.ok()) own->set(*std::move(token));
      return token.status();
    };
    if (auto status = files_->add("coordinator_token", {path}, reread); !status.ok()) return status;
  }
  if (config.metadata) {
    MetadataIdentitySettings settings;
    settings.url = config.metadata->url;
    settings.audience = config.metadata->audience;
    own_.emplace(std::move(settings), metrics_);
  }
  return absl::OkStatus();
}

std::function<bool(std::string_view)> Trust::is_revoked() const {
  if (revoked_ == nullptr) return {};
  return
      [revoked = revoked_.get()](std::string_view subject) { return revoked->contains(subject); };
}

void Trust::watch(std::function<void()> list_changed) {
  if (revoked_ != nullptr) list_changed_ = std::move(list_changed);
  files_->start();
}

void Trust::stop() { files_.reset(); }

Readiness Trust::readiness() const {
  if (!own_ || own_->proven()) return {true, ""};
  return {false, std::string(own_->token().status().message())};
}

void Trust::show() {
  if (jwks_ != nullptr) jwks_->show();
  if (own_) own_->show();
  if (revoked_ == nullptr) return;
  metrics_.gauge("interlock_revoked_subjects", "Subjects whose tokens count no more.")
      .Set(static_cast<double>(revoked_->size()));
}

}  // namespace interlock
