#include "gateway/tls_layer.h"

#include <boost/asio/ssl/stream.hpp>
#include <utility>

#include "common/small_file.h"
#include "gateway/tls_identity.h"

namespace interlock {

namespace asio = boost::asio;

struct TlsLayer::Stream {
  Stream(TcpSocket& socket, std::shared_ptr<TlsContext> made)
      : context(std::move(made)), tls(socket, context->context) {}
  std::shared_ptr<TlsContext> context;
  asio::ssl::stream<TcpSocket&> tls;
};

TlsLayer::TlsLayer(TcpSocket& socket, std::shared_ptr<TlsContext> context)
    : stream_(std::make_unique<Stream>(socket, std::move(context))) {}

TlsLayer::~TlsLayer() = default;

void TlsLayer::handshake(std::function<void(Error)> done) {
  stream_->tls.async_handshake(asio::ssl::stream_base::server, std::move(done));
}

void TlsLayer::read(asio::mutable_buffer place, Done done) {
  stream_->tls.async_read_some(asio::mutable_buffer(place), std::move(done));
}

void TlsLayer::write(asio::const_buffer bytes, Done done) {
  stream_->tls.async_write_some(asio::const_buffer(bytes), std::move(done));
}

void TlsLayer::shutdown(std::function<void(Error)> done) {
  stream_->tls.async_shutdown(std::move(done));
}

// ---- TlsIdentity ----

namespace {

constexpr std::size_t pem_bytes_max = std::size_t{1024} * 1024;

absl::Status wrong(const std::string& what, const boost::system::error_code& error) {
  return absl::InvalidArgumentError(what + ": " + error.message() + ".");
}

}  // namespace

absl::Status TlsIdentity::read(const std::string& cert_file, const std::string& key_file) {
  const auto certificate = read_small_file(cert_file, pem_bytes_max);
  if (!certificate.ok()) return certificate.status();
  const auto key = read_small_file(key_file, pem_bytes_max);
  if (!key.ok()) return key.status();
  auto made = std::make_shared<TlsContext>();
  SSL_CTX* native = made->context.native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(native,
                   SSL_MODE_RELEASE_BUFFERS);  // most connections say nothing most of the time
  boost::system::error_code error;
  made->context.use_certificate_chain(asio::buffer(*certificate), error);
  if (error) return wrong("The file " + cert_file + " has no certificate in PEM format", error);
  made->context.use_private_key(asio::buffer(*key), asio::ssl::context::pem, error);
  if (error) {
    return wrong("The file " + key_file + " has no key in PEM format that fits " + cert_file,
                 error);
  }
  if (SSL_CTX_check_private_key(native) != 1) {
    return absl::InvalidArgumentError("The key in " + key_file +
                                      " is not that of the certificate in " + cert_file + ".");
  }
  const std::lock_guard lock(mutex_);
  context_ = std::move(made);
  return absl::OkStatus();
}

std::shared_ptr<TlsContext> TlsIdentity::current() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

}  // namespace interlock
