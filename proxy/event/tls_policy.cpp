#include "event/tls_policy.h"

#include <utility>

namespace halfdoor {

namespace {

// Mozilla's intermediate list (Server Side TLS 5.7) without its three DHE suites: no client needs them that knows
// TLS 1.2, and each such handshake costs the server many times what it costs whoever asks for it.
constexpr char kCiphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr char kSuites[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr char kGroups[] = "X25519:P-256:P-384";

}  // namespace

ContextHandle make_tls_context(const SSL_METHOD* method, bool only_tls13) {
  ContextHandle context(SSL_CTX_new(method));
  if (context == nullptr) return nullptr;
  SSL_CTX* const made = context.get();
  SSL_CTX_set_options(made, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(made, 1);
  const bool is_set = SSL_CTX_set_min_proto_version(made, only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
                      SSL_CTX_set_cipher_list(made, kCiphers) == 1 && SSL_CTX_set_ciphersuites(made, kSuites) == 1 &&
                      SSL_CTX_set1_groups_list(made, kGroups) == 1;
  return is_set ? std::move(context) : nullptr;
}

Status use_certificate(SSL_CTX* context, const std::string& chain_pem, const std::string& key_pem) {
  const BioHandle chain = read_bio(chain_pem);
  const X509Handle first = next_certificate(chain.get());
  if (first == nullptr || SSL_CTX_use_certificate(context, first.get()) != 1) return Error{take_openssl_error()};
  while (const X509Handle next = next_certificate(chain.get())) {
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) return Error{take_openssl_error()};
  }
  ERR_clear_error();
  const BioHandle bio = read_bio(key_pem);
  const KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (key == nullptr || SSL_CTX_use_PrivateKey(context, key.get()) != 1) return Error{take_openssl_error()};
  return {};
}

Status add_certificates(X509_STORE* store, const std::string& pem) {
  const BioHandle bio = read_bio(pem);
  size_t count = 0;
  while (const X509Handle next = next_certificate(bio.get())) {
    if (X509_STORE_add_cert(store, next.get()) != 1) return Error{take_openssl_error()};
    ++count;
  }
  const bool is_whole = is_end_of_pem();
  const std::string why = take_openssl_error();
  if (!is_whole) return Error{"a certificate cannot be read: " + why};
  if (count == 0) return Error{"has no certificate; write the name of a PEM file"};
  return {};
}

}  // namespace halfdoor
