// TlsClientContext: how one worker does TLS to the servers of one side of a service.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "event/stream.h"
#include "event/tls_certificate.h"
#include "event/tls_stream.h"

struct ssl_session_st;
struct x509_store_st;

namespace halfdoor {

// Whom halfdoor believes. Shared by all workers.
class TlsTrust {
 public:
  // The certificates in a PEM file.
  static Result<std::shared_ptr<const TlsTrust>> from_pem(const std::string& pem);
  // Those that the system trusts: SSL_CERT_FILE, or the bundle of the distribution.
  static Result<std::shared_ptr<const TlsTrust>> of_system();
  ~TlsTrust();
  TlsTrust(const TlsTrust&) = delete;
  TlsTrust& operator=(const TlsTrust&) = delete;

  x509_store_st* store() const { return store_; }

 private:
  explicit TlsTrust(x509_store_st* store) : store_(store) {}
  x509_store_st* store_;
};

// What a side has. Immutable, shared by all workers.
struct TlsClientSettings {
  std::shared_ptr<const TlsTrust> trust;      // null: the server's certificate is not verified
  std::optional<TlsCertificate> certificate;  // for servers that ask for one
};

// A server, and the session with it that the next connection resumes. Outlives the streams to it; one thread.
class TlsPeer {
 public:
  // `name`: for SNI, and what its certificate must be for; an IP address is verified as one. Empty: no SNI.
  explicit TlsPeer(std::string name) : name_(std::move(name)) {}
  ~TlsPeer();
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  const std::string& name() const { return name_; }
  ssl_session_st* session() const { return session_; }
  // Takes it over.
  void keep(ssl_session_st* session);

 private:
  const std::string name_;
  ssl_session_st* session_ = nullptr;
};

// Belongs to one thread.
class TlsClientContext {
 public:
  static Result<std::unique_ptr<TlsClientContext>> make(std::shared_ptr<const TlsClientSettings> settings,
                                                        TlsEnvironment& environment);
  virtual ~TlsClientContext() = default;

  // Our end of a connection to `peer`. Null: no memory.
  virtual std::unique_ptr<Stream> connect(std::unique_ptr<Stream> inner, TlsPeer& peer) = 0;
};

}  // namespace halfdoor
