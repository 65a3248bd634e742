// The certificate that the gateway's own listener shows, for those who run it without a proxy.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"

namespace interlock {

struct TlsContext;  // tls_layer.h

// May be used from any thread. Connections go on with the certificate that they began with.
class TlsIdentity {
 public:
  // Both in PEM format, the certificate with its chain. The status is a sentence, and then nothing
  // has changed: files are exchanged one after the other, and in between they do not fit.
  absl::Status read(const std::string& cert_file, const std::string& key_file);
  // For new connections; not before read() was OK once.
  std::shared_ptr<TlsContext> current() const;

 private:
  mutable std::mutex mutex_;  // of the pointer
  std::shared_ptr<TlsContext> context_;
};

}  // namespace interlock
