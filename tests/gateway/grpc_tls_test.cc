// Coordinators behind TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "gateway/grpc_coordinator_client.h"
#include "tests/gateway/coordinator_client_contract.h"
#include "tests/gateway/fake_services.h"
#include "tests/support/free_port.h"

namespace interlock {
namespace {

template <typename Write>
std::string pem(Write write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  write(memory.get());
  char* text = nullptr;
  const long length = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

// A key made for this run, and a certificate for `localhost` that it has signed itself.
grpc::SslServerCredentialsOptions::PemKeyCertPair make_identity_of_localhost() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> own(X509_new(), X509_free);
  X509* certificate = own.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key.get());
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> names(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost"),
      X509_EXTENSION_free);
  X509_add_ext(certificate, names.get(), -1);
  X509_sign(certificate, key.get(), EVP_sha256());
  return {pem([&](BIO* to) {
            PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          }),
          pem([&](BIO* to) { PEM_write_bio_X509(to, certificate); })};
}

class GrpcCoordinatorTls : public testing::Test {
 protected:
  // gRPC reads the authorities once in a process, before its first such channel.
  static void SetUpTestSuite() {
    identity_ = make_identity_of_localhost();
    std::ofstream(authorities_path()) << identity_.cert_chain;
    setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", authorities_path().c_str(), 1);
  }
  static void TearDownTestSuite() { std::remove(authorities_path().c_str()); }

  // The process's own: another build's tests may run at the same time.
  static std::string authorities_path() {
    return testing::TempDir() + "interlock_tls_authorities_" + std::to_string(getpid()) + ".pem";
  }

  std::unique_ptr<GrpcCoordinatorClient> client_to(const std::string& host) {
    return std::make_unique<GrpcCoordinatorClient>(GrpcCoordinatorSettings{
        {"https://" + host + ":" + std::to_string(port_)},
        "secret",
        {.gateway_id = test_gateway_id,
         .address = "test",
         .limits = {.unreachable_after_ms = 500}}});
  }

  static std::shared_ptr<grpc::ServerCredentials> credentials() {
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back(identity_);
    return grpc::SslServerCredentials(options);
  }

  static inline grpc::SslServerCredentialsOptions::PemKeyCertPair identity_;
  MemoryCoordinatorServer server_;
  FakeGateway gateway_{server_};
  int port_ = free_port();
  TestServer grpc_{port_, {&gateway_}, credentials()};
};

TEST_F(GrpcCoordinatorTls, AnHttpsUrlIsSpokenToWithTlsAndTheToken) {
  const auto client = client_to("localhost");
  ASSERT_TRUE(eventually([&] { return client->counters().is_attached.load(); }));
  EXPECT_EQ(gateway_.authorization(), "Bearer secret");
}

TEST_F(GrpcCoordinatorTls, WhoCannotProveItsNameIsToldNothing) {
  const auto client = client_to("127.0.0.1");  // the certificate names localhost
  EXPECT_TRUE(eventually([&] { return !client->reachable(); }));
  EXPECT_EQ(client->counters().is_attached, false);
  EXPECT_EQ(gateway_.authorization(), "");
}

}  // namespace
}  // namespace interlock
