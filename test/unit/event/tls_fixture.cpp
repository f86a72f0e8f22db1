#include "tls_fixture.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <utility>

namespace halfdoor {

namespace {

std::string pem_of(X509* certificate) {
  const BioHandle bio(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_X509(bio.get(), certificate) == 1);
  char* text = nullptr;
  const long bytes = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(bytes)};
}

std::string pem_of(EVP_PKEY* key) {
  const BioHandle bio(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* text = nullptr;
  const long bytes = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(bytes)};
}

// RSA keys take their time to make: one is enough for all certificates.
EVP_PKEY* make_key(bool is_rsa) {
  if (!is_rsa) return EVP_EC_gen("P-256");
  static const KeyHandle rsa(EVP_RSA_gen(2048));
  REQUIRE(rsa != nullptr);
  EVP_PKEY_up_ref(rsa.get());
  return rsa.get();
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  REQUIRE(made != nullptr);
  REQUIRE(X509_add_ext(certificate, made, -1) == 1);
  X509_EXTENSION_free(made);
}

}  // namespace

TlsCertificate make_certificate(const CertificateSpec& spec) {
  static long serial = 1;
  const KeyHandle key(make_key(spec.is_rsa));
  const X509Handle certificate(X509_new());
  X509* const made = certificate.get();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), serial++);
  X509_time_adj_ex(X509_getm_notBefore(made), spec.valid_from_days, 0, nullptr);
  X509_time_adj_ex(X509_getm_notAfter(made), spec.valid_for_days, 0, nullptr);
  X509_set_pubkey(made, key.get());
  X509_NAME* subject = X509_get_subject_name(made);
  if (!spec.names.empty()) {
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(spec.names.front().c_str()), -1, -1, 0);
  }
  KeyHandle issuer_key;
  if (spec.issuer != nullptr) {
    const BioHandle chain = read_bio(spec.issuer->chain_pem);
    const X509Handle issuer = next_certificate(chain.get());
    X509_set_issuer_name(made, X509_get_subject_name(issuer.get()));
    const BioHandle bio = read_bio(spec.issuer->key_pem);
    issuer_key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  } else {
    X509_set_issuer_name(made, subject);
  }
  if (spec.is_authority) add_extension(made, NID_basic_constraints, "critical,CA:TRUE");
  if (spec.has_alternative_names && !spec.names.empty()) {
    std::string all;
    for (const std::string& name : spec.names) {
      if (!all.empty()) all += ",";
      all += name.starts_with("IP:") ? name : "DNS:" + name;
    }
    add_extension(made, NID_subject_alt_name, all);
  }
  REQUIRE(X509_sign(made, issuer_key != nullptr ? issuer_key.get() : key.get(), EVP_sha256()) > 0);
  Result<TlsCertificate> parsed = parse_tls_certificate(pem_of(made), pem_of(key.get()));
  REQUIRE(parsed.ok());
  return std::move(*parsed);
}

IoResult FakeWire::read(char* into, size_t most) {
  ++reads;
  if (is_broken_) return {IoResult::Status::failed, 0, ECONNRESET};
  const size_t some = std::min({most, to_us.size(), most_per_read});
  if (some == 0) {
    readable_ = false;
    if (!has_end_) return {};
    closed_ = true;
    return {IoResult::Status::end, 0, 0};
  }
  to_us.copy(into, some);
  to_us.erase(0, some);
  if (to_us.empty() && !closed_) readable_ = false;
  return {IoResult::Status::ok, some, 0};
}

IoResult FakeWire::write(const struct iovec* pieces, int count) {
  ++writes;
  if (is_broken_) return {IoResult::Status::failed, 0, EPIPE};
  size_t moved = 0;
  for (int i = 0; i < count; ++i) {
    const size_t some = std::min(pieces[i].iov_len, room);
    from_us.append(static_cast<const char*>(pieces[i].iov_base), some);
    moved += some;
    if (room != SIZE_MAX) room -= some;
  }
  if (moved == 0) {
    writable_ = false;
    return {};
  }
  return {IoResult::Status::ok, moved, 0};
}

FarEnd::FarEnd(SSL_CTX* context, bool is_server) : ssl_(SSL_new(context)) {
  REQUIRE(ssl_ != nullptr);
  SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  BIO_set_mem_eof_return(SSL_get_rbio(ssl_), -1);
  is_server ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
}

bool FarEnd::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) return true;
  const int why = SSL_get_error(ssl_, result);
  if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) error = take_openssl_error();
  ERR_clear_error();
  return false;
}

void FarEnd::write(std::string_view text) {
  ERR_clear_error();
  REQUIRE(SSL_write(ssl_, text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size()));
}

std::string FarEnd::read() {
  std::string all;
  char some[16384];
  ERR_clear_error();
  int got = SSL_read(ssl_, some, sizeof(some));
  for (; got > 0; got = SSL_read(ssl_, some, sizeof(some))) all.append(some, static_cast<size_t>(got));
  if (SSL_get_error(ssl_, got) == SSL_ERROR_SSL) error = take_openssl_error();
  ERR_clear_error();
  return all;
}

std::string FarEnd::take_output() {
  BIO* const bio = SSL_get_wbio(ssl_);
  std::string all(BIO_ctrl_pending(bio), '\0');
  if (!all.empty()) REQUIRE(BIO_read(bio, all.data(), static_cast<int>(all.size())) == static_cast<int>(all.size()));
  return all;
}

void FarEnd::put_input(std::string_view bytes) {
  if (!bytes.empty()) BIO_write(SSL_get_rbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
}

SslContext client_context() {
  SslContext made(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(made.get(), SSL_VERIFY_NONE, nullptr);
  return made;
}

SslContext server_context(const TlsCertificate& certificate) {
  SslContext made(SSL_CTX_new(TLS_server_method()));
  const BioHandle chain = read_bio(certificate.chain_pem);
  const X509Handle first = next_certificate(chain.get());
  const BioHandle bio = read_bio(certificate.key_pem);
  const KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  REQUIRE(SSL_CTX_use_certificate(made.get(), first.get()) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey(made.get(), key.get()) == 1);
  ERR_clear_error();
  return made;
}

void TlsPair::carry(size_t fragment) {
  while (true) {
    const std::string to_us = far_end.take_output();
    for (size_t at = 0; at < to_us.size(); at += std::min(fragment, to_us.size() - at)) {
      wire->give(std::string_view(to_us).substr(at, fragment));
      if (role_ == TlsStream::Role::server) stream->handshake();
    }
    const std::string to_far_end = std::exchange(wire->from_us, {});
    for (size_t at = 0; at < to_far_end.size(); at += std::min(fragment, to_far_end.size() - at)) {
      far_end.put_input(std::string_view(to_far_end).substr(at, fragment));
      if (SSL_in_init(far_end.ssl())) far_end.handshake();
    }
    if (to_us.empty() && to_far_end.empty()) return;
  }
}

bool TlsPair::shake_hands(size_t fragment) {
  far_end.handshake();
  if (role_ == TlsStream::Role::server) stream->handshake();
  carry(fragment);
  return stream->state() == TlsStream::State::open && SSL_is_init_finished(far_end.ssl()) == 1;
}

std::string TlsPair::read_all(size_t most) {
  std::string all;
  std::string some(most, '\0');
  while (stream->is_readable()) {
    last = stream->read(some.data(), some.size());
    if (last.status != IoResult::Status::ok) break;
    all.append(some, 0, last.bytes);
  }
  return all;
}

std::shared_ptr<TlsServerSettings> server_settings(std::vector<TlsCertificate> certificates) {
  auto settings = std::make_shared<TlsServerSettings>();
  settings->certificates = std::move(certificates);
  settings->tickets = std::make_shared<TlsTicketKeys>();
  return settings;
}

ServerSide::ServerSide(const std::shared_ptr<const TlsServerSettings>& settings, SSL_CTX* client_context,
                       const char* server_name, int64_t now_ms)
    : wheel(now_ms), client(client_context, /*is_server=*/false) {
  Result<std::unique_ptr<TlsServerContext>> made = TlsServerContext::make(settings, environment);
  REQUIRE(made.ok());
  context = std::move(*made);
  pair.attach(context->accept(pair.make_wire()));
  if (server_name != nullptr) SSL_set_tlsext_host_name(client.ssl(), server_name);
}

}  // namespace halfdoor
