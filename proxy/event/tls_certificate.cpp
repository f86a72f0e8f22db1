#include "event/tls_certificate.h"

#include <openssl/asn1.h>
#include <openssl/x509v3.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/text.h"
#include "event/tls_handles.h"

namespace halfdoor {

namespace {

constexpr size_t kLargestFileBytes = 1 << 20;

int64_t unix_seconds(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return timegm(&parts);
}

std::string_view text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<size_t>(ASN1_STRING_length(text))};
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type == GEN_DNS) names.push_back(to_lower(text_of(name->d.dNSName)));
  }
  GENERAL_NAMES_free(alternatives);
  if (!names.empty()) return names;
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) names.push_back(to_lower(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)))));
  return names;
}

TlsCertificate::Kind kind_of(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS: return TlsCertificate::Kind::rsa;
    case EVP_PKEY_EC: return TlsCertificate::Kind::ecdsa;
    default: return TlsCertificate::Kind::other;
  }
}

// A key with a passphrase is not asked for one.
int no_passphrase(char*, int, int, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

}  // namespace

std::string_view to_text(TlsCertificate::Kind kind) {
  switch (kind) {
    case TlsCertificate::Kind::rsa: return "RSA";
    case TlsCertificate::Kind::ecdsa: return "ECDSA";
    case TlsCertificate::Kind::other: return "other";
  }
  return "";
}

bool TlsCertificate::covers(std::string_view name) const {
  const size_t dot = name.find('.');
  return std::any_of(names.begin(), names.end(), [&](const std::string& own) {
    if (own == name) return true;
    return dot != std::string_view::npos && own.starts_with("*.") &&
           std::string_view(own).substr(1) == name.substr(dot);
  });
}

Result<std::string> read_tls_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{std::strerror(errno)};
  std::string text(kLargestFileBytes + 1, '\0');
  errno = 0;
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (errno != 0 && file.gcount() == 0)) return Error{std::strerror(errno == 0 ? EIO : errno)};
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kLargestFileBytes) return Error{"is larger than 1 MiB; is it the right file?"};
  return text;
}

Result<size_t> count_certificates(const std::string& pem) {
  const BioHandle bio = read_bio(pem);
  size_t count = 0;
  while (next_certificate(bio.get()) != nullptr) ++count;
  const bool is_whole = is_end_of_pem();
  const std::string why = take_openssl_error();
  if (!is_whole) return Error{"a certificate cannot be read: " + why};
  if (count == 0) return Error{"has no certificate; write the name of a PEM file"};
  return count;
}

Result<TlsCertificate> parse_tls_certificate(std::string chain_pem, std::string key_pem) {
  const Result<size_t> count = count_certificates(chain_pem);
  if (!count) return Error{"cert: " + count.error().message};
  const BioHandle chain = read_bio(chain_pem);
  const X509Handle certificate = next_certificate(chain.get());
  const BioHandle bio = read_bio(key_pem);
  bool has_passphrase = false;
  const KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &has_passphrase));
  if (key == nullptr) {
    const bool is_none = key_pem.find("PRIVATE KEY-----") == std::string::npos;
    const std::string why = take_openssl_error();
    if (has_passphrase) return Error{"key: is protected by a passphrase; write it without, as with: openssl pkey"};
    return Error{is_none ? "key: has no private key; write the name of a PEM file" : "key: cannot be read: " + why};
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return Error{"key: does not belong to the certificate (the first one of its file)"};
  }
  TlsCertificate made;
  made.names = names_of(certificate.get());
  made.not_before = unix_seconds(X509_get0_notBefore(certificate.get()));
  made.not_after = unix_seconds(X509_get0_notAfter(certificate.get()));
  made.kind = kind_of(key.get());
  made.chain_pem = std::move(chain_pem);
  made.key_pem = std::move(key_pem);
  return made;
}

Result<TlsCertificate> load_tls_certificate(const std::string& cert_file, const std::string& key_file) {
  Result<std::string> chain = read_tls_file(cert_file);
  if (!chain) return Error{"cert: cannot be read: " + chain.error().message};
  Result<std::string> key = read_tls_file(key_file);
  if (!key) return Error{"key: cannot be read: " + key.error().message};
  return parse_tls_certificate(std::move(*chain), std::move(*key));
}

}  // namespace halfdoor
