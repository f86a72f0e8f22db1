// A certificate with its chain and key, as it lies in PEM files: read and judged once, used by every worker.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct evp_pkey_st;
struct x509_st;

namespace halfdoor {

struct TlsCertificate {
  enum class Kind : uint8_t { rsa, ecdsa, other };  // one of each may stand side by side for a name

  std::string chain_pem;  // the certificate itself first
  std::string key_pem;
  // What it says.
  std::vector<std::string> names;  // lower case, "*.x" allowed; without names of the kind DNS the common name
  int64_t not_before = 0;          // Unix time in seconds
  int64_t not_after = 0;
  Kind kind = Kind::other;

  // RFC 6125: exact, or a wildcard in the place of one whole label.
  bool covers(std::string_view name) const;
};
std::string_view to_text(TlsCertificate::Kind kind);

// A file of at most 1 MiB. The error says why not, without its name.
Result<std::string> read_tls_file(const std::string& path);
// Reads a pair. Which of the two files is to blame is part of the error: "cert: ..." or "key: ...". Dates are not
// judged here.
Result<TlsCertificate> load_tls_certificate(const std::string& cert_file, const std::string& key_file);
// The same from text that is at hand.
Result<TlsCertificate> parse_tls_certificate(std::string chain_pem, std::string key_pem);
// How many certificates PEM text has; an error if there is none or one cannot be read.
Result<size_t> count_certificates(const std::string& pem);

}  // namespace halfdoor
