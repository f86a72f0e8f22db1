// One SSL_CTX per set of certificates that belongs to a name: at most one of each kind of key, of which OpenSSL takes
// the one that the client knows how to verify.
#include "event/tls_server_context.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "event/tls_policy.h"

namespace halfdoor {

namespace {

// Certificates by their place in the settings, one per kind; -1: none.
using CertificateSet = std::array<int, 3>;

class ServerContext final : public TlsServerContext {
 public:
  ServerContext(std::shared_ptr<const TlsServerSettings> settings, TlsEnvironment& environment)
      : settings_(std::move(settings)), environment_(environment) {}

  Status build();
  std::unique_ptr<TlsStream> accept(std::unique_ptr<Stream> inner) override;

 private:
  CertificateSet set_for(const std::string& name, int first) const;
  Result<SSL_CTX*> context_for(const CertificateSet& set);
  Status prepare(SSL_CTX* context) const;
  Status expect_client_certificates(SSL_CTX* context) const;
  SSL_CTX* find(std::string_view name) const;

  static ServerContext& of(const SSL* ssl) {
    return *static_cast<ServerContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  }
  static int on_server_name(SSL* ssl, int* alert, void*);
  static int on_protocols(SSL* ssl, const unsigned char** out, unsigned char* out_bytes, const unsigned char* in,
                          unsigned in_bytes, void*);
  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                       int is_new);

  const std::shared_ptr<const TlsServerSettings> settings_;
  TlsEnvironment& environment_;
  std::map<CertificateSet, ContextHandle> contexts_;
  std::map<std::string, SSL_CTX*, std::less<>> by_name_;  // "*.x" for wildcards
  SSL_CTX* first_ = nullptr;
};

Status ServerContext::build() {
  const std::vector<TlsCertificate>& all = settings_->certificates;
  for (int i = 0; i < static_cast<int>(all.size()); ++i) {
    for (const std::string& name : all[static_cast<size_t>(i)].names) {
      if (by_name_.count(name) != 0) continue;
      Result<SSL_CTX*> context = context_for(set_for(name, i));
      if (!context) return context.error();
      by_name_.emplace(name, *context);
      if (first_ == nullptr) first_ = *context;
    }
    if (first_ != nullptr) continue;
    // The first has no name at all: it still is what is shown to those who ask for none.
    Result<SSL_CTX*> context = context_for(set_for({}, i));
    if (!context) return context.error();
    first_ = *context;
  }
  return {};
}

CertificateSet ServerContext::set_for(const std::string& name, int first) const {
  CertificateSet set{-1, -1, -1};
  const std::vector<TlsCertificate>& all = settings_->certificates;
  for (int i = first; i < static_cast<int>(all.size()); ++i) {
    const TlsCertificate& certificate = all[static_cast<size_t>(i)];
    const bool fits = i == first ||
                      std::find(certificate.names.begin(), certificate.names.end(), name) != certificate.names.end() ||
                      certificate.covers(name);
    int& place = set[static_cast<size_t>(certificate.kind)];
    if (fits && place < 0) place = i;
  }
  return set;
}

Result<SSL_CTX*> ServerContext::context_for(const CertificateSet& set) {
  if (const auto known = contexts_.find(set); known != contexts_.end()) return known->second.get();
  ContextHandle context = make_tls_context(TLS_server_method(), settings_->only_tls13);
  if (context == nullptr) return Error{take_openssl_error()};
  for (const int i : set) {
    if (i < 0) continue;
    const TlsCertificate& certificate = settings_->certificates[static_cast<size_t>(i)];
    if (Status used = use_certificate(context.get(), certificate.chain_pem, certificate.key_pem); !used) {
      return used.error();
    }
  }
  if (Status prepared = prepare(context.get()); !prepared) return prepared.error();
  SSL_CTX* const made = context.get();
  contexts_.emplace(set, std::move(context));
  return made;
}

Status ServerContext::prepare(SSL_CTX* context) const {
  SSL_CTX_set_app_data(context, const_cast<ServerContext*>(this));
  SSL_CTX_set_tlsext_servername_callback(context, &ServerContext::on_server_name);
  SSL_CTX_set_alpn_select_cb(context, &ServerContext::on_protocols, nullptr);
  // Sessions live in tickets alone: nothing of them is kept here.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, TlsTicketKeys::kTicketSeconds);
  if (settings_->tickets != nullptr) {
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &ServerContext::on_ticket);
  } else {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
  }
  return expect_client_certificates(context);
}

Status ServerContext::expect_client_certificates(SSL_CTX* context) const {
  // A session counts only where the same is asked of clients as where it began.
  const std::string scope =
      std::to_string(static_cast<int>(settings_->client_verify)) + "\n" + settings_->client_ca_pem;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned bytes = 0;
  if (EVP_Digest(scope.data(), scope.size(), digest.data(), &bytes, EVP_sha256(), nullptr) != 1 ||
      SSL_CTX_set_session_id_context(context, digest.data(), bytes) != 1) {
    return Error{take_openssl_error()};
  }
  if (settings_->client_verify == TlsServerSettings::ClientVerify::none) return {};
  if (Status added = add_certificates(SSL_CTX_get_cert_store(context), settings_->client_ca_pem); !added) return added;
  const BioHandle bio = read_bio(settings_->client_ca_pem);
  while (const X509Handle certificate = next_certificate(bio.get())) {
    if (SSL_CTX_add_client_CA(context, certificate.get()) != 1) return Error{take_openssl_error()};
  }
  ERR_clear_error();
  const bool is_required = settings_->client_verify == TlsServerSettings::ClientVerify::required;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return {};
}

SSL_CTX* ServerContext::find(std::string_view name) const {
  if (name.ends_with('.')) name.remove_suffix(1);
  const std::string asked = to_lower(name);
  if (const auto exact = by_name_.find(asked); exact != by_name_.end()) return exact->second;
  const size_t dot = asked.find('.');
  if (dot == std::string::npos) return nullptr;
  const auto wildcard = by_name_.find("*" + asked.substr(dot));
  return wildcard == by_name_.end() ? nullptr : wildcard->second;
}

int ServerContext::on_server_name(SSL* ssl, int*, void*) {
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX* const context = of(ssl).find(name);
  if (context == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_SSL_CTX(ssl, context);
  return SSL_TLSEXT_ERR_OK;
}

int ServerContext::on_protocols(SSL* ssl, const unsigned char** out, unsigned char* out_bytes, const unsigned char* in,
                                unsigned in_bytes, void*) {
  for (const std::string& ours : of(ssl).settings_->protocols) {
    for (unsigned at = 0; at < in_bytes; at += 1U + in[at]) {
      if (in[at] != ours.size() || at + 1 + ours.size() > in_bytes) continue;
      if (std::memcmp(in + at + 1, ours.data(), ours.size()) != 0) continue;
      *out = in + at + 1;
      *out_bytes = in[at];
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int ServerContext::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                             int is_new) {
  ServerContext& self = of(ssl);
  const int64_t now_ms = self.environment_.wheel().now_ms();
  TlsTicketKeys::Found found;
  if (is_new == 1) {
    const std::optional<TlsTicketKeys::Key> key = self.settings_->tickets->current(now_ms);
    if (!key || RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    found = {*key, true};
    std::memcpy(name, key->name.data(), key->name.size());
  } else {
    const std::optional<TlsTicketKeys::Found> known = self.settings_->tickets->find(name, now_ms);
    if (!known) return 0;
    found = *known;
  }
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, found.key.mac.data(), found.key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  const bool is_set = EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
                      EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, found.key.cipher.data(), iv, is_new) == 1;
  OPENSSL_cleanse(&found.key, sizeof(found.key));
  if (!is_set) return -1;
  // 2: it is good, and the client gets another in its place: under the current key; or because it uses each but once,
  // as those of TLS 1.3 do (RFC 8446 C.4).
  return found.is_current && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
}

std::unique_ptr<TlsStream> ServerContext::accept(std::unique_ptr<Stream> inner) {
  SSL* const ssl = SSL_new(first_);
  if (ssl == nullptr) {
    ERR_clear_error();
    return nullptr;
  }
  return std::make_unique<TlsStream>(environment_, TlsStream::Role::server, std::move(inner), ssl);
}

}  // namespace

Result<std::unique_ptr<TlsServerContext>> TlsServerContext::make(std::shared_ptr<const TlsServerSettings> settings,
                                                                 TlsEnvironment& environment) {
  auto made = std::make_unique<ServerContext>(std::move(settings), environment);
  if (Status built = made->build(); !built) return built.error();
  return std::unique_ptr<TlsServerContext>(std::move(made));
}

}  // namespace halfdoor
