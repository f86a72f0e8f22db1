#include "event/tls_client_context.h"

#include <openssl/x509v3.h>

#include <cstdlib>
#include <utility>

#include "event/tls_policy.h"

namespace halfdoor {

namespace {

constexpr const char* kSystemBundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                          "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
constexpr unsigned char kProtocols[] = "\x08http/1.1";

int peer_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// Keeps it: a TLS 1.2 session comes during the handshake, those of TLS 1.3 whenever the server sends one.
int on_session(SSL* ssl, SSL_SESSION* session) {
  auto* peer = static_cast<TlsPeer*>(SSL_get_ex_data(ssl, peer_index()));
  if (peer == nullptr) return 0;
  peer->keep(session);
  return 1;
}

class ClientContext final : public TlsClientContext {
 public:
  ClientContext(std::shared_ptr<const TlsClientSettings> settings, TlsEnvironment& environment)
      : settings_(std::move(settings)), environment_(environment) {}

  Status build() {
    context_ = make_tls_context(TLS_client_method(), /*only_tls13=*/false);
    if (context_ == nullptr) return Error{take_openssl_error()};
    SSL_CTX* const context = context_.get();
    if (settings_->trust != nullptr) {
      SSL_CTX_set1_cert_store(context, settings_->trust->store());
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
    if (SSL_CTX_set_alpn_protos(context, kProtocols, sizeof(kProtocols) - 1) != 0) return Error{take_openssl_error()};
    if (!settings_->certificate) return {};
    return use_certificate(context, settings_->certificate->chain_pem, settings_->certificate->key_pem);
  }

  std::unique_ptr<Stream> connect(std::unique_ptr<Stream> inner, TlsPeer& peer) override {
    SSL* const ssl = SSL_new(context_.get());
    if (ssl == nullptr || !name_peer(ssl, peer)) {
      ERR_clear_error();
      SSL_free(ssl);
      return nullptr;
    }
    SSL_set_ex_data(ssl, peer_index(), &peer);
    if (peer.session() != nullptr) SSL_set_session(ssl, peer.session());
    return std::make_unique<TlsStream>(environment_, TlsStream::Role::client, std::move(inner), ssl);
  }

 private:
  static bool name_peer(SSL* ssl, const TlsPeer& peer) {
    if (peer.name().empty()) return true;
    // An address is never sent as a name (RFC 6066 3).
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), peer.name().c_str()) == 1) return true;
    ERR_clear_error();
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, peer.name().c_str()) == 1 && SSL_set1_host(ssl, peer.name().c_str()) == 1;
  }

  const std::shared_ptr<const TlsClientSettings> settings_;
  TlsEnvironment& environment_;
  ContextHandle context_;
};

}  // namespace

Result<std::shared_ptr<const TlsTrust>> TlsTrust::from_pem(const std::string& pem) {
  X509_STORE* const store = X509_STORE_new();
  if (store == nullptr) return Error{take_openssl_error()};
  std::shared_ptr<const TlsTrust> trust(new TlsTrust(store));
  if (Status added = add_certificates(store, pem); !added) return added.error();
  return trust;
}

Result<std::shared_ptr<const TlsTrust>> TlsTrust::of_system() {
  if (const char* named = std::getenv("SSL_CERT_FILE"); named != nullptr) {
    const Result<std::string> pem = read_tls_file(named);
    if (!pem) return Error{std::string("SSL_CERT_FILE (") + named + ") cannot be read: " + pem.error().message};
    return from_pem(*pem);
  }
  for (const char* path : kSystemBundles) {
    if (const Result<std::string> pem = read_tls_file(path)) return from_pem(*pem);
  }
  return Error{"the system has no list of authorities that it trusts; install ca-certificates, or write ca"};
}

TlsTrust::~TlsTrust() { X509_STORE_free(store_); }

TlsPeer::~TlsPeer() { SSL_SESSION_free(session_); }

void TlsPeer::keep(SSL_SESSION* session) {
  SSL_SESSION_free(session_);
  session_ = session;
}

Result<std::unique_ptr<TlsClientContext>> TlsClientContext::make(std::shared_ptr<const TlsClientSettings> settings,
                                                                 TlsEnvironment& environment) {
  auto made = std::make_unique<ClientContext>(std::move(settings), environment);
  if (Status built = made->build(); !built) return built.error();
  return std::unique_ptr<TlsClientContext>(std::move(made));
}

}  // namespace halfdoor
