// Owners for what OpenSSL hands out. Only for .cpp files.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace halfdoor {

template <auto free_it>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const {
    free_it(object);
  }
};

using BioHandle = std::unique_ptr<BIO, OpensslFree<BIO_free_all>>;
using X509Handle = std::unique_ptr<X509, OpensslFree<X509_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using StoreHandle = std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>>;

inline BioHandle read_bio(const std::string& text) {
  return BioHandle(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The reason of the latest error, and an empty queue.
inline std::string take_openssl_error() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string text = reason == nullptr ? "unknown error of OpenSSL" : reason;
  ERR_clear_error();
  return text;
}

// Next certificate of a PEM text; null at its end or where it cannot be read, which the queue of errors then tells.
inline X509Handle next_certificate(BIO* bio) { return X509Handle(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)); }
inline bool is_end_of_pem() {
  const unsigned long code = ERR_peek_last_error();
  return code == 0 || (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE);
}

}  // namespace halfdoor
