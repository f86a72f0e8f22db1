// What every TLS context of halfdoor has in common, towards clients and towards servers. Only for .cpp files.
#pragma once

#include "base/result.h"
#include "event/tls_handles.h"

namespace halfdoor {

using ContextHandle = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;

// Protocol versions, ciphers, groups, modes. Null if OpenSSL has no memory or refuses its own names.
ContextHandle make_tls_context(const SSL_METHOD* method, bool only_tls13);
// The chain and key of a parsed certificate. A context takes one of each kind.
Status use_certificate(SSL_CTX* context, const std::string& chain_pem, const std::string& key_pem);
// Adds every certificate of PEM text to a store.
Status add_certificates(X509_STORE* store, const std::string& pem);

}  // namespace halfdoor
