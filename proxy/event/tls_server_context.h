// TlsServerContext: how one worker does TLS for the clients of one listener.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "event/stream.h"
#include "event/tls_certificate.h"
#include "event/tls_stream.h"
#include "event/tls_ticket_keys.h"

namespace halfdoor {

// What a listener has. Immutable, shared by all workers.
struct TlsServerSettings {
  enum class ClientVerify : uint8_t { none, optional, required };

  std::vector<TlsCertificate> certificates;  // never empty; who asks for no name, or an unknown one, gets the first
  bool only_tls13 = false;
  ClientVerify client_verify = ClientVerify::none;
  std::string client_ca_pem;  // empty without client_verify
  // What ALPN may agree on, the best first. A client that asks for other protocols only is refused (RFC 7301 3.2).
  std::vector<std::string> protocols{"http/1.1", "http/1.0"};
  std::shared_ptr<TlsTicketKeys> tickets;
};

// Belongs to one thread.
class TlsServerContext {
 public:
  // Keeps `settings`; `environment` outlives it.
  static Result<std::unique_ptr<TlsServerContext>> make(std::shared_ptr<const TlsServerSettings> settings,
                                                        TlsEnvironment& environment);
  virtual ~TlsServerContext() = default;

  // The server's end of a connection, before its handshake. Null: no memory.
  virtual std::unique_ptr<TlsStream> accept(std::unique_ptr<Stream> inner) = 0;
};

}  // namespace halfdoor
